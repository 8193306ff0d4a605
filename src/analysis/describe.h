/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects told by their types: members, and what pointers that identify an object lead to. */
#ifndef UL_ANALYSIS_DESCRIBE_H
#define UL_ANALYSIS_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/typeid.h"
#include "base/error.h"
#include "model/described.h"
#include "model/release.h"

enum { UL_IDENTITY_BYTES = 320 };

/**
 * What the struct of type @p type at @p kaddr stands for, in a few words: the path of a file or
 * dentry, protocol and addresses of a socket, name and pid of a task, number and filesystem of an
 * inode, names of modules, devices, cgroups. Structs that begin with such a one, or hold an inode,
 * are told by it. False: nothing known (text is "" then). Follows pointers of the image with
 * limits; what it finds is printable.
 */
bool ul_identify(struct ul_image *image, ul_type_id type, uint64_t kaddr,
		 char text[static UL_IDENTITY_BYTES]);

/** Whose a struct seq_file is. Owns nothing. */
struct ul_seq_owner {
	uint64_t operations; /**< the table, or the show function in it, that was asked for */
	char text[UL_IDENTITY_BYTES]; /**< "" none was found */
	struct ul_release release;    /**< all "": none is known to forget */
};

/**
 * The /proc file of the struct seq_file at @p kaddr, by its operations: for one whose file is
 * closed; and the release that forgot it, where there is one that does. Looks at every /proc entry.
 *
 * @param owner  Zeroed before the first of several: an answer for the same operations is kept.
 */
bool ul_identify_seq(struct ul_image *image, const struct ul_heap *heap, uint64_t kaddr,
		     struct ul_seq_owner *owner);

/** What an object, or most of several, stand for. Owns nothing. */
struct ul_identified {
	char text[UL_IDENTITY_BYTES]; /**< "" nothing is known of any */
	struct ul_release release;    /**< that forgot these; all "": not told */
	size_t objects;		      /**< that stand for it ... */
	size_t looked_at;	      /**< ... of these */
};

/**
 * What the struct of type @p type at @p kaddr stands for: as ul_identify(), and a seq_file of a
 * closed file by its operations, as ul_identify_seq(). @p ret is set in every case; objects is 1.
 *
 * @param heap  May be NULL: seq_files then are told as all others.
 */
bool ul_identify_one(struct ul_image *image, const struct ul_heap *heap, ul_type_id type,
		     uint64_t kaddr, struct ul_seq_owner *owner, struct ul_identified *ret);

/**
 * What more of the structs of type @p type at @p kaddrs stand for than for anything else, which
 * need not be half of them; seq_files of closed files by their operations. Of at most a few tens,
 * those in front. False: nothing is known of any.
 */
bool ul_identify_most(struct ul_image *image, const struct ul_heap *heap, ul_type_id type,
		      const uint64_t *kaddrs, size_t len, struct ul_identified *ret);

/**
 * Some pointers have one that points back; where it does not (any more), the memory was given to
 * somebody else since: false. @p member: of struct @p type at @p kaddr, holding @p value. True
 * where nothing is known to point back.
 */
bool ul_identify_owned(struct ul_image *image, const char *type, const char *member, uint64_t kaddr,
		       uint64_t value);

/**
 * Members of the struct of type @p type at @p kaddr that are not zero, at most some 100, with
 * values as people read them.
 *
 * @param heap    May be NULL: pointers then are not told by the object they lead to.
 * @param typeid  May be NULL.
 * @param ret     Initialised here; caller deinits.
 */
UL_MUST_USE struct ul_error *ul_describe(struct ul_image *image, const struct ul_heap *heap,
					 const struct ul_typeid *typeid, ul_type_id type,
					 uint64_t kaddr, struct ul_described *ret);

#endif
