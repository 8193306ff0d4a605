/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BTF, the kernel's own compact description of its types (Linux Documentation/bpf/btf.rst,
 * include/uapi/linux/btf.h), as bytes -> model/type.
 */
#ifndef UL_SOURCE_IMAGE_BTF_H
#define UL_SOURCE_IMAGE_BTF_H

#include "base/span.h"
#include "model/type.h"

/** What the BTF of modules builds on: that of the kernel, once it is loaded. */
struct ul_btf_base {
	uint32_t types;	  /**< ids of the kernel, void among them */
	uint32_t strings; /**< bytes of its string section */
	uint32_t names;	  /**< where they begin among the names of the table */
};

/**
 * Bytes of the whole BTF that begins with @p header (sections and header); 0 when it is none.
 * @p header: the first 24 bytes or more.
 */
uint64_t ul_btf_bytes(struct ul_span header);

/**
 * Append the kernel's types to the empty table @p types; call ul_types_finish() when modules are
 * in, too. Bytes are believed nothing: UL_ERR_BAD_DATA says where they make no sense. After an
 * error the table is only good for ul_types_destroy().
 */
UL_MUST_USE struct ul_error *ul_btf_load(struct ul_types *types, struct ul_span bytes,
					 struct ul_btf_base *ret_base);
/**
 * Append the types of a module: split BTF, whose ids and strings go on where the kernel's end. The
 * whole of @p bytes is looked at before the first type is added: after UL_ERR_BAD_DATA the table is
 * as it was.
 */
UL_MUST_USE struct ul_error *ul_btf_load_module(struct ul_types *types, struct ul_span bytes,
						const char *module, const struct ul_btf_base *base);

#endif
