// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tables of sockets in /proc/net, Linux net/ipv4/tcp_ipv4.c get_tcp4_sock(), net/ipv4/udp.c
 * udp4_format_sock(), net/unix/af_unix.c unix_seq_show(), net/netlink/af_netlink.c
 * netlink_native_seq_show(), net/packet/af_packet.c packet_seq_show(): a heading, then a line a
 * socket with columns at fixed places.
 *
 * What the bytes are differs: TCP shows bytes not yet read and not yet acknowledged, the others
 * memory taken (true size of the packets). Of a listening TCP socket the queues are connections,
 * not bytes, and are left out.
 *
 * Cannot see: other network namespaces; queues of unix sockets, which only sock_diag shows.
 */
#include "source/proc/sockets.h"

#include <string.h>

#include "base/text.h"
#include "source/proc/limits.h"

enum { COLUMNS = 10 };

struct line {
	uint64_t inode, receive_bytes, send_bytes;
};

/** "TX:RX", hexadecimal. */
static bool parse_queues(struct ul_span word, struct line *ret)
{
	struct ul_span send;
	return ul_span_cut(&word, ':', &send) && ul_span_hex(send, &ret->send_bytes) &&
	       ul_span_hex(word, &ret->receive_bytes);
}

static bool parse_columns(const struct ul_span *words, size_t count, enum ul_socket_format format,
			  struct line *ret)
{
	switch (format) {
	case UL_SOCKET_INET:
	case UL_SOCKET_TCP:
		if (count < 10 || !parse_queues(words[4], ret) ||
		    !ul_span_u64(words[9], &ret->inode))
			return false;
		if (format == UL_SOCKET_TCP && ul_span_equal(words[3], "0A"))
			ret->receive_bytes = ret->send_bytes = 0;
		return true;
	case UL_SOCKET_UNIX:
		return count >= 7 && ul_span_u64(words[6], &ret->inode);
	case UL_SOCKET_NETLINK:
		return count >= 10 && ul_span_u64(words[4], &ret->receive_bytes) &&
		       ul_span_u64(words[5], &ret->send_bytes) &&
		       ul_span_u64(words[9], &ret->inode);
	case UL_SOCKET_PACKET:
		return count >= 9 && ul_span_u64(words[6], &ret->receive_bytes) &&
		       ul_span_u64(words[8], &ret->inode);
	}
	return false;
}

static bool parse_line(struct ul_span text, enum ul_socket_format format, struct line *ret)
{
	struct ul_span words[COLUMNS];
	size_t count = 0;
	*ret = (struct line){0};
	while (count < COLUMNS && ul_span_word(&text, &words[count]))
		count++;
	return parse_columns(words, count, format, ret) && ret->receive_bytes <= UINT32_MAX &&
	       ret->send_bytes <= UINT32_MAX;
}

static struct ul_error *add_queue(struct ul_holders *holders, const char *protocol,
				  const struct line *line)
{
	if (!line->receive_bytes && !line->send_bytes)
		return NULL;
	if (holders->queues.len >= UL_PROC_LIMIT_SOCKETS)
		return ul_error_new(UL_ERR_LIMIT, "%s: more than %d sockets with queues", protocol,
				    UL_PROC_LIMIT_SOCKETS);
	struct ul_socket_queue queue = {.inode = line->inode,
					.receive_bytes = line->receive_bytes,
					.send_bytes = line->send_bytes};
	ul_text_copy(queue.protocol, sizeof(queue.protocol), protocol);
	return ul_vec_push(&holders->queues, queue) ? NULL : &ul_enomem;
}

struct ul_error *ul_sockets_parse(struct ul_span text, const char *protocol,
				  enum ul_socket_format format, struct ul_holders *holders)
{
	struct ul_socket_holder sum = {0};
	struct ul_span heading;
	uint64_t bad = 0;
	ul_text_copy(sum.protocol, sizeof(sum.protocol), protocol);
	if (!ul_span_line(&text, &heading))
		return NULL;
	ul_span_foreach_line (rest, text) {
		struct line line;
		if (!parse_line(rest, format, &line)) {
			bad += ul_span_trim(rest).len > 0;
			continue;
		}
		sum.sockets++;
		sum.receive_bytes += line.receive_bytes;
		sum.send_bytes += line.send_bytes;
		UL_TRY(add_queue(holders, protocol, &line));
	}
	if (bad)
		UL_TRY(ul_losses_add(&holders->losses, UL_BIAS_UNDER, bad,
				     "lines of /proc/net/%s not understood", protocol));
	if (!sum.sockets)
		return NULL;
	return ul_vec_push(&holders->protocols, sum) ? NULL : &ul_enomem;
}
