/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of Rust functions in symbol tables, as people write them. */
#ifndef UL_BASE_RUST_NAME_H
#define UL_BASE_RUST_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

enum { UL_RUST_NAME_MAX = 1024 /**< bytes of a readable name that is worth to be shown */ };

/**
 * "_RNvMNtCs1234_4core6optionINtB2_6OptionhE6unwrap" as "<core::option::Option<u8>>::unwrap", of
 * names mangled as in Rust RFC 2603 ("v0"). Hashes of crates are left out.
 *
 * @return false (and nothing written) when it is no such name, is damaged, or would take more than
 *         @p size bytes with its NUL.
 */
bool ul_rust_name(struct ul_span mangled, char *buffer, size_t size);

#endif
