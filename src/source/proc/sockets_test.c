// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "source/proc/sockets.h"

static void queues_are_hexadecimal_and_a_listening_socket_has_none(void **state)
{
	(void)state;
	UL_CLEANUP_HOLDERS struct ul_holders holders = {0};
	assert_null(ul_sockets_parse(
		ul_span_of("  sl  local_address rem_address   st tx_queue rx_queue ...\n"
			   "   0: 00000000:07E8 00000000:0000 0A 00000000:00000080 00:00000000 "
			   "00000000     0        0 1062 1 0\n"
			   "   1: 0100007F:1F90 0100007F:C350 01 00001000:0000000A 00:00000000 "
			   "00000000     0        0 77 1 0\n"
			   "   2: cut\n"),
		"tcp", UL_SOCKET_TCP, &holders));
	assert_int_equal(holders.protocols.len, 1);
	assert_int_equal(holders.protocols.data[0].sockets, 2);
	assert_int_equal(holders.protocols.data[0].send_bytes, 0x1000);
	assert_int_equal(holders.protocols.data[0].receive_bytes, 10);
	assert_int_equal(holders.queues.len, 1);
	assert_int_equal(holders.queues.data[0].inode, 77);
	assert_int_equal(holders.losses.items.len, 1);
}

static void other_families_have_other_columns(void **state)
{
	(void)state;
	UL_CLEANUP_HOLDERS struct ul_holders holders = {0};
	assert_null(
		ul_sockets_parse(ul_span_of("sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode\n"
					    "00000000735d38f5 0 12 00000000 300 40 0 2 0 99\n"),
				 "netlink", UL_SOCKET_NETLINK, &holders));
	assert_null(ul_sockets_parse(ul_span_of("sk RefCnt Type Proto Iface R Rmem User Inode\n"
						"000 3 3 0003 2 1 500 0 98\n"),
				     "packet", UL_SOCKET_PACKET, &holders));
	assert_null(ul_sockets_parse(
		ul_span_of("Num RefCount Protocol Flags Type St Inode Path\n"
			   "00000000c21069a3: 00000003 00000000 00000000 0001 03  1059 @a b\n"),
		"unix", UL_SOCKET_UNIX, &holders));
	assert_int_equal(holders.protocols.len, 3);
	assert_int_equal(holders.queues.len, 2);
	assert_int_equal(holders.queues.data[0].receive_bytes, 300);
	assert_int_equal(holders.queues.data[0].send_bytes, 40);
	assert_int_equal(holders.queues.data[1].receive_bytes, 500);
	assert_int_equal(holders.queues.data[1].inode, 98);
	assert_int_equal(holders.protocols.data[2].sockets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queues_are_hexadecimal_and_a_listening_socket_has_none),
		cmocka_unit_test(other_families_have_other_columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
