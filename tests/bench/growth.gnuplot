# SPDX-License-Identifier: GPL-3.0-or-later
# Solve time and gap against size; called by `make bench-scheduler` with the variables data and figure.
set terminal svg size 900,380 font "sans,12" background "white"
set output figure
set multiplot layout 1,2
set logscale xy
set key top left
set xlabel "devices (five subchannels each)"
set ylabel "solve time, s"
plot data index 0 using 1:4 with linespoints title "compute-bound", \
     data index 1 using 1:4 with linespoints title "air-bound"
set ylabel "gap, %"
plot data index 0 using 1:3 with linespoints title "compute-bound", \
     data index 1 using 1:3 with linespoints title "air-bound"
unset multiplot
