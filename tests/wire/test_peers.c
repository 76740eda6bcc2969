/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/peers.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct peer *add(struct peers *peers, uint32_t serial, int fd)
{
    unsigned char id[5] = {0, serial >> 24 & 0xff, serial >> 16 & 0xff, serial >> 8 & 0xff,
                           serial & 0xff};
    return peers_add(peers, id, sizeof id, fd);
}

static void peers_are_found_by_number_and_by_routing_id(void **state)
{
    (void)state;
    struct peers peers = {0};
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(add(&peers, 1000 + i, (int)i)->number, i);
    assert_int_equal(peers_find(&peers, 7)->fd, 7);
    assert_int_equal(peers_find_id(&peers, "\0\0\0\x03\xe9", 5)->number, 1);
    assert_null(peers_find_id(&peers, "\0\0\0\x03\xe9", 4));
    assert_null(peers_find(&peers, 50));
    peers_release(&peers);
}

static void the_end_of_a_descriptor_is_that_of_its_oldest_connection(void **state)
{
    (void)state;
    struct peers peers = {0};
    add(&peers, 5, 9); /* heard first, though its connection is the younger one */
    add(&peers, 0xfffffffe, 9);
    add(&peers, 1, 8);
    assert_int_equal(peers_find_fd(&peers, 9)->number, 1);
    peers_find_fd(&peers, 9)->is_disconnected = true;
    assert_int_equal(peers_find_fd(&peers, 9)->number, 0);
    peers_find_fd(&peers, 9)->is_disconnected = true;
    assert_null(peers_find_fd(&peers, 9));
    peers_release(&peers);
}

static void a_peer_is_lost_once_and_for_the_first_reason(void **state)
{
    (void)state;
    struct peers peers = {0};
    struct peer *peer = add(&peers, 1, 3);
    peer_lose(peer, "reason %d", 1);
    peer_lose(peer, "reason %d", 2);
    assert_ptr_equal(peers_losing(&peers), peer);
    assert_string_equal(peer->reason, "reason 1");
    peer_gone(peer);
    peer_lose(peer, "reason %d", 3);
    assert_null(peers_losing(&peers));
    peers_release(&peers);
}

static void a_peer_is_forgotten_when_gone_and_disconnected(void **state)
{
    (void)state;
    struct peers peers = {0};
    for (uint32_t i = 0; i < 4; i++)
        add(&peers, i, (int)i);
    peer_gone(&peers.peer[1]);
    peers.peer[2].is_disconnected = true;
    peer_gone(&peers.peer[3]);
    peers.peer[3].is_disconnected = true;
    peers_forget(&peers);
    assert_non_null(peers_find(&peers, 0));
    assert_non_null(peers_find(&peers, 1));
    assert_non_null(peers_find(&peers, 2));
    assert_null(peers_find(&peers, 3));
    assert_int_equal(add(&peers, 9, 9)->number, 4);
    peers_release(&peers);
}

static void only_ids_a_router_gives_are_taken_for_given(void **state)
{
    (void)state;
    assert_true(peer_id_is_given("\0abcd", 5));
    assert_false(peer_id_is_given("abcde", 5));
    assert_false(peer_id_is_given("\0abc", 4));
    assert_false(peer_id_is_given("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_are_found_by_number_and_by_routing_id),
        cmocka_unit_test(the_end_of_a_descriptor_is_that_of_its_oldest_connection),
        cmocka_unit_test(a_peer_is_lost_once_and_for_the_first_reason),
        cmocka_unit_test(a_peer_is_forgotten_when_gone_and_disconnected),
        cmocka_unit_test(only_ids_a_router_gives_are_taken_for_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
