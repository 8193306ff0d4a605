// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What types and symbols alone tell about which struct an object may be.
 *
 * Every struct is laid flat: the words in it, members of members included, that are pointers to
 * functions, pointers to structs, or links of lists and trees. Words within unions are left out:
 * they may be something else at the moment. From these an index answers "which structs have a
 * pointer to struct file_operations at 0x28?".
 *
 * A prototype is compared as a whole but for the names of its parameters, which BTF keeps and which
 * differ between a member and the functions it is set to. Two structs of one name and size (every
 * module describes those of the kernel that it uses and that the kernel's BTF lacks) are one.
 */
#include <string.h>

#include "analysis/typeid_internal.h"
#include "base/hash.h"

enum {
	DEPTH_MAX = 12,	   /**< structs within structs */
	ELEMENTS_MAX = 8,  /**< of an array that are laid flat */
	FIELDS_MAX = 2048, /**< of one struct */
	STRUCT_BYTES_MAX = 1 << 20,
	RARE_OWNERS = 3, /**< a clue that fits more structs is not enough alone */
	PROTOTYPE_DEPTH = 3,
	POINTER_DEPTH = 8,
	WORD = 8,
};

/* ---- prototypes ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return ul_hash_bytes(hash, text, strlen(text));
}

/* Hash of a type as it is written, without names of parameters. Bounded by @p depth. */
static uint64_t hash_type(const struct ul_types *types, ul_type_id id, unsigned int depth)
{
	uint64_t hash = 1;
	struct ul_type type;
	for (size_t step = 0; step < POINTER_DEPTH && ul_types_get(types, id, &type); step++) {
		hash = ul_hash_u64(hash, (uint64_t)type.kind);
		switch (type.kind) {
		case UL_TYPE_POINTER:
			id = type.target;
			continue;
		case UL_TYPE_ARRAY:
			hash = ul_hash_u64(hash, type.count);
			id = type.target;
			continue;
		case UL_TYPE_FUNCTION:
			if (!depth)
				return hash;
			hash = ul_hash_u64(hash, hash_type(types, type.target, depth - 1));
			for (uint32_t i = 0; i < type.count && i < 32; i++) {
				struct ul_member parameter;
				if (!ul_types_member_at(types, id, i, &parameter))
					break;
				hash = ul_hash_u64(hash,
						   hash_type(types, parameter.type, depth - 1));
			}
			return ul_hash_u64(hash, type.count);
		case UL_TYPE_INT:
			// BTF of old and DWARF name them alike: "long unsigned int".
			return ul_hash_u64(hash, type.bytes << 1 | type.is_signed);
		case UL_TYPE_VOID:
		case UL_TYPE_ENUM:
		case UL_TYPE_FLOAT:
		case UL_TYPE_STRUCT:
		case UL_TYPE_UNION:
		case UL_TYPE_FORWARD:
			// A struct declared only is the struct.
			if (type.kind == UL_TYPE_FORWARD)
				hash = ul_hash_u64(1, UL_TYPE_STRUCT);
			return hash_text(hash, type.name);
		}
	}
	return hash;
}

static uint32_t prototype_key(struct ul_facts *facts, ul_type_id id)
{
	uint32_t *known = &facts->prototype_of[id];
	if (!*known)
		*known = (uint32_t)hash_type(facts->types, id, PROTOTYPE_DEPTH) | 1;
	return *known;
}

/* ---- structs ---- */

/* The ids of what links lists and trees. */
struct links {
	ul_type_id list_head, hlist_node, rb_node;
};

static bool is_named_struct(const struct ul_type *type)
{
	return type->kind == UL_TYPE_STRUCT && *type->name && type->bytes >= WORD &&
	       type->bytes <= STRUCT_BYTES_MAX;
}

/* The last member is an array of any length. */
static bool is_flexible(const struct ul_types *types, ul_type_id id, const struct ul_type *type)
{
	struct ul_member last;
	struct ul_type array;
	return type->count && ul_types_member_at(types, id, type->count - 1, &last) &&
	       ul_types_get(types, last.type, &array) && array.kind == UL_TYPE_ARRAY &&
	       !array.bytes;
}

static struct ul_error *number_structs(struct ul_facts *facts)
{
	const struct ul_types *types = facts->types;
	const size_t len = ul_types_len(types);
	struct ul_type type;
	if (!ul_vec_add(&facts->structs))
		return &ul_enomem;
	for (ul_type_id id = 1; id < len; id++) {
		// The id of a "const struct file" answers as the struct, too.
		if (ul_types_resolve(types, id) != id || !ul_types_get(types, id, &type) ||
		    !is_named_struct(&type))
			continue;
		const ul_type_id first = ul_types_find(types, UL_TYPE_STRUCT, type.name);
		struct ul_type other;
		if (first && first < id && ul_types_get(types, first, &other) &&
		    other.bytes == type.bytes) {
			facts->struct_of[id] = facts->struct_of[first];
			continue;
		}
		const struct ul_struct one = {.type = id,
					      .bytes = (uint32_t)type.bytes,
					      .flexible = is_flexible(types, id, &type)};
		facts->struct_of[id] = (uint32_t)facts->structs.len;
		if (!ul_vec_push(&facts->structs, one))
			return &ul_enomem;
	}
	// Now that all have numbers: those that are only declared.
	for (ul_type_id id = 1; id < len; id++)
		if (ul_types_get(types, id, &type) && type.kind == UL_TYPE_FORWARD)
			facts->struct_of[id] =
				facts->struct_of[ul_types_find(types, UL_TYPE_STRUCT, type.name)];
	return NULL;
}

/* A struct or an array being laid flat. */
struct level {
	ul_type_id type;
	uint32_t next, count; /* count: elements of an array; 0: a struct */
	uint64_t offset;
	uint64_t element_bytes;
};

static struct ul_error *add_field(struct ul_facts *facts, struct ul_struct *owner, uint8_t kind,
				  uint64_t offset, uint32_t key)
{
	const struct ul_field field = {(uint32_t)offset, key, kind};
	if (offset % WORD || offset + WORD > owner->bytes || owner->fields >= FIELDS_MAX)
		return NULL;
	owner->fields++;
	return ul_vec_push(&facts->fields, field) ? NULL : &ul_enomem;
}

static struct ul_error *add_pointer(struct ul_facts *facts, struct ul_struct *owner,
				    ul_type_id target, uint64_t offset)
{
	struct ul_type type;
	if (!ul_types_get(facts->types, target, &type))
		return NULL;
	if (type.kind == UL_TYPE_FUNCTION)
		return add_field(facts, owner, UL_FIELD_FUNCTION, offset,
				 prototype_key(facts, target));
	const uint32_t number = facts->struct_of[target];
	return number ? add_field(facts, owner, UL_FIELD_POINTER, offset, number) : NULL;
}

/* Links of lists and trees; true when @p id is one of them. */
static bool add_links(struct ul_facts *facts, const struct links *links, struct ul_struct *owner,
		      ul_type_id id, uint64_t offset, struct ul_error **error)
{
	const bool list = id == links->list_head;
	const bool tree = id == links->rb_node;
	if (!id || (!list && !tree && id != links->hlist_node))
		return false;
	*error = add_field(facts, owner, UL_FIELD_LIST, tree ? offset + WORD : offset, 0);
	if (!*error && (list || tree))
		*error = add_field(facts, owner, UL_FIELD_LIST,
				   tree ? offset + 2 * WORD : offset + WORD, 0);
	return true;
}

/* Look at one member (or element) of type @p id; descend by pushing a level. */
static struct ul_error *lay_flat_one(struct ul_facts *facts, const struct links *links,
				     struct ul_struct *owner, ul_type_id id, uint64_t offset,
				     struct level *stack, size_t *depth)
{
	struct ul_error *error = NULL;
	struct ul_type type;
	struct ul_type element;
	if (!ul_types_get(facts->types, id, &type) ||
	    add_links(facts, links, owner, id, offset, &error))
		return error;
	if (type.kind == UL_TYPE_POINTER)
		return add_pointer(facts, owner, type.target, offset);
	if (*depth >= DEPTH_MAX)
		return NULL;
	if (type.kind == UL_TYPE_STRUCT)
		stack[(*depth)++] = (struct level){.type = id, .offset = offset};
	else if (type.kind == UL_TYPE_ARRAY && type.count &&
		 ul_types_get(facts->types, type.target, &element) && element.bytes)
		stack[(*depth)++] = (struct level){
			.type = type.target,
			.count = type.count < ELEMENTS_MAX ? type.count : ELEMENTS_MAX,
			.offset = offset,
			.element_bytes = element.bytes,
		};
	return NULL;
}

static struct ul_error *lay_flat(struct ul_facts *facts, const struct links *links,
				 struct ul_struct *owner)
{
	struct level stack[DEPTH_MAX] = {{.type = owner->type}};
	size_t depth = 1;
	owner->first = (uint32_t)facts->fields.len;
	while (depth && owner->fields < FIELDS_MAX) {
		struct level *level = &stack[depth - 1];
		const uint32_t index = level->next++;
		struct ul_member member;
		ul_type_id type = level->type;
		uint64_t offset = level->offset;
		if (level->count) {
			if (index >= level->count) {
				depth--;
				continue;
			}
			offset += index * level->element_bytes;
		} else {
			if (!ul_types_member_at(facts->types, type, index, &member)) {
				depth--;
				continue;
			}
			if (member.bits || member.offset_bits % 8)
				continue;
			type = member.type;
			offset += member.offset_bits / 8;
		}
		UL_TRY(lay_flat_one(facts, links, owner, type, offset, stack, &depth));
	}
	return NULL;
}

/* The struct that begins the struct. */
static ul_struct_no prefix_of(const struct ul_facts *facts, ul_type_id id)
{
	struct ul_member first;
	struct ul_type type;
	if (!ul_types_member_at(facts->types, id, 0, &first) || first.offset_bits ||
	    !ul_types_get(facts->types, first.type, &type) || type.kind != UL_TYPE_STRUCT)
		return 0;
	return facts->struct_of[first.type];
}

static int compare_fields(const void *left, const void *right)
{
	const struct ul_field *a = left;
	const struct ul_field *b = right;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static uint64_t posting_hash(int kind, uint32_t offset, uint32_t key)
{
	return ul_hash_u64((uint64_t)kind, (uint64_t)offset << 32 | key);
}

static int compare_postings(const void *left, const void *right)
{
	const struct ul_posting *a = left;
	const struct ul_posting *b = right;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->owner > b->owner) - (a->owner < b->owner);
}

static struct ul_error *add_posting(struct ul_facts *facts, int kind, uint32_t offset, uint32_t key,
				    ul_struct_no owner)
{
	const struct ul_posting posting = {posting_hash(kind, offset, key), owner};
	return ul_vec_push(&facts->postings, posting) ? NULL : &ul_enomem;
}

static struct ul_error *index_structs(struct ul_facts *facts)
{
	for (ul_struct_no no = 1; no < facts->structs.len; no++) {
		const struct ul_struct *one = &facts->structs.data[no];
		for (uint32_t i = 0; i < one->fields; i++) {
			const struct ul_field *field = &facts->fields.data[one->first + i];
			if (field->kind != UL_FIELD_LIST)
				UL_TRY(add_posting(facts, field->kind, field->offset, field->key,
						   no));
		}
		ul_struct_no prefix = one->prefix;
		for (size_t step = 0; prefix && step < DEPTH_MAX; step++) {
			UL_TRY(add_posting(facts, UL_POSTING_PREFIX, 0, prefix, no));
			prefix = facts->structs.data[prefix].prefix;
		}
	}
	if (facts->postings.len)
		qsort(facts->postings.data, facts->postings.len, sizeof(*facts->postings.data),
		      compare_postings);
	return NULL;
}

/* ---- functions ---- */

static uint64_t function_hash(const char *module, const char *name)
{
	return hash_text(hash_text(3, module ? module : ""), name) | 1;
}

/* Keys of prototypes by hash of module and name; 0 where two functions of a name differ. */
static struct ul_error *name_functions(struct ul_facts *facts, struct ul_map *names)
{
	const size_t len = ul_types_len(facts->types);
	struct ul_type_function function;
	for (ul_type_id id = 1; id < len; id++) {
		if (!ul_types_function_at(facts->types, id, &function) || !function.prototype)
			continue;
		const uint64_t hash = function_hash(function.module, function.name);
		const uint32_t key = prototype_key(facts, function.prototype);
		const uint32_t known = ul_map_get(names, hash);
		if (!ul_map_put(names, hash, known && known != key ? UINT32_MAX : key))
			return &ul_enomem;
	}
	return NULL;
}

static struct ul_error *find_functions(const struct ul_image *image, struct ul_facts *facts)
{
	struct ul_map names = {0};
	struct ul_symbol symbol;
	uint64_t bytes;
	struct ul_error *error = name_functions(facts, &names);
	for (size_t i = 0; !error && ul_symtab_at(image->symtab, i, &symbol, &bytes); i++) {
		if (!symbol.code)
			continue;
		const uint32_t key = ul_map_get(&names, function_hash(symbol.module, symbol.name));
		if (key && key != UINT32_MAX && !ul_map_put(&facts->functions, symbol.start, key))
			error = &ul_enomem;
	}
	ul_map_deinit(&names);
	return error;
}

struct ul_error *ul_facts_init(const struct ul_image *image, struct ul_facts *facts)
{
	const struct ul_types *types = image->types;
	const struct links links = {
		.list_head = ul_types_find(types, UL_TYPE_STRUCT, "list_head"),
		.hlist_node = ul_types_find(types, UL_TYPE_STRUCT, "hlist_node"),
		.rb_node = ul_types_find(types, UL_TYPE_STRUCT, "rb_node"),
	};
	facts->types = types;
	facts->struct_of = calloc(ul_types_len(types), sizeof(*facts->struct_of));
	facts->prototype_of = calloc(ul_types_len(types), sizeof(*facts->prototype_of));
	if (!facts->struct_of || !facts->prototype_of)
		return &ul_enomem;
	UL_TRY(number_structs(facts));
	for (ul_struct_no no = 1; no < facts->structs.len; no++) {
		struct ul_struct *one = &facts->structs.data[no];
		UL_TRY(lay_flat(facts, &links, one));
		if (one->fields)
			qsort(facts->fields.data + one->first, one->fields,
			      sizeof(*facts->fields.data), compare_fields);
		one->prefix = prefix_of(facts, one->type);
	}
	UL_TRY(index_structs(facts));
	(void)ul_symtab_address(image->symtab, "_stext", &facts->text_start);
	(void)ul_symtab_address(image->symtab, "_etext", &facts->text_end);
	return find_functions(image, facts);
}

void ul_facts_deinit(struct ul_facts *facts)
{
	ul_vec_deinit(&facts->structs);
	ul_vec_deinit(&facts->fields);
	ul_vec_deinit(&facts->postings);
	free(facts->struct_of);
	free(facts->prototype_of);
	ul_map_deinit(&facts->functions);
	ul_map_deinit(&facts->variables);
}

ul_struct_no ul_facts_find(const struct ul_facts *facts, const char *name)
{
	return facts->struct_of[ul_types_find(facts->types, UL_TYPE_STRUCT, name)];
}

/* ---- questions ---- */

const struct ul_posting *ul_facts_owners(const struct ul_facts *facts, int kind, uint32_t offset,
					 uint32_t key, size_t *ret_len)
{
	const uint64_t hash = posting_hash(kind, offset, key);
	size_t low = 0;
	size_t high = facts->postings.len;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (facts->postings.data[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	size_t end = low;
	while (end < facts->postings.len && facts->postings.data[end].hash == hash)
		end++;
	*ret_len = end - low;
	return end > low ? facts->postings.data + low : NULL;
}

bool ul_size_fits(const struct ul_struct *one, const struct ul_size_rule *rule)
{
	if (rule->exact)
		return one->bytes == rule->high;
	return one->bytes <= rule->high && (one->bytes > rule->low || one->flexible);
}

static bool has_clue(const struct ul_facts *facts, const struct ul_struct *one,
		     const struct ul_clue *clue)
{
	const struct ul_field *fields = facts->fields.data + one->first;
	size_t low = 0;
	size_t high = one->fields;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (fields[middle].offset < clue->offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < one->fields && fields[low].offset == clue->offset &&
	       fields[low].kind == clue->kind && fields[low].key == clue->key;
}

static bool has_all(const struct ul_facts *facts, const struct ul_struct *one,
		    const struct ul_clue *clues, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!has_clue(facts, one, &clues[i]))
			return false;
	return true;
}

ul_struct_no ul_facts_intersect(const struct ul_facts *facts, const struct ul_clue *clues,
				size_t len, const struct ul_size_rule *rule)
{
	const struct ul_posting *rarest = NULL;
	size_t fewest = SIZE_MAX;
	ul_struct_no found = 0;
	for (size_t i = 0; i < len; i++) {
		size_t owners;
		const struct ul_posting *run = ul_facts_owners(
			facts, clues[i].kind, clues[i].offset, clues[i].key, &owners);
		if (owners < fewest) {
			fewest = owners;
			rarest = run;
		}
	}
	if (!len || !fewest ||
	    (len == 1 && clues[0].kind == UL_FIELD_FUNCTION && fewest > RARE_OWNERS))
		return 0;
	for (size_t i = 0; i < fewest; i++) {
		const struct ul_struct *one = &facts->structs.data[rarest[i].owner];
		if (!ul_size_fits(one, rule) || !has_all(facts, one, clues, len))
			continue;
		if (found && found != rarest[i].owner)
			return 0;
		found = rarest[i].owner;
	}
	return found;
}

ul_struct_no ul_facts_fit(const struct ul_facts *facts, ul_struct_no declared,
			  const struct ul_size_rule *rule)
{
	ul_struct_no found = ul_size_fits(&facts->structs.data[declared], rule) ? declared : 0;
	size_t len;
	const struct ul_posting *run = ul_facts_owners(facts, UL_POSTING_PREFIX, 0, declared, &len);
	for (size_t i = 0; i < len; i++) {
		if (!ul_size_fits(&facts->structs.data[run[i].owner], rule))
			continue;
		if (found && found != run[i].owner)
			return 0;
		found = run[i].owner;
	}
	return found;
}
