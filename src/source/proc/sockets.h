/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets and what lies in their queues: /proc/net/{tcp,udp,raw,unix,netlink,packet}. */
#ifndef UL_SOURCE_PROC_SOCKETS_H
#define UL_SOURCE_PROC_SOCKETS_H

#include "base/error.h"
#include "base/span.h"
#include "model/holder.h"

/** How the lines of a file are read. */
enum ul_socket_format {
	UL_SOCKET_INET, /**< tcp, udp, raw and their 6 */
	UL_SOCKET_TCP,	/**< the same, but a listening one's queue is no bytes */
	UL_SOCKET_UNIX, /**< shows no queues */
	UL_SOCKET_NETLINK,
	UL_SOCKET_PACKET,
};

/**
 * Add the sockets of @p text to the sums of @p protocol, and those with bytes in their queues to
 * the list (all of them: cut it afterwards). @return &ul_enomem or UL_ERR_LIMIT.
 */
UL_MUST_USE struct ul_error *ul_sockets_parse(struct ul_span text, const char *protocol,
					      enum ul_socket_format format,
					      struct ul_holders *holders);

#endif
