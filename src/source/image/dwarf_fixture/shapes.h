/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What dwarf_types_test.c looks for in a program that is only compiled, with -g, and never run. */
#ifndef UL_SOURCE_IMAGE_DWARF_FIXTURE_SHAPES_H
#define UL_SOURCE_IMAGE_DWARF_FIXTURE_SHAPES_H

#include <stdint.h>

typedef struct {
	int value;
} counter_t;

typedef const volatile counter_t *counter_pointer_t;

enum colour { RED, GREEN = 5, BLUE = -3 };

enum { FIRST_WITHOUT_A_NAME = 77, SECOND_WITHOUT_A_NAME = 0x80000001 };

enum wide { WIDE = 0x100000001 };

struct bits {
	uint32_t three : 3;
	uint32_t seven : 7;
	int32_t signed_one : 22;
	uint8_t whole;
	uint64_t forty : 40;
	uint64_t rest : 24;
};

union either {
	uint64_t number;
	char text[16];
};

struct node {
	struct node *next;
	struct node *const *children[4];
};

struct later;	/* one unit defines it */
struct twin;	/* two units do, each in its way */
struct nowhere; /* nobody does */

struct shape {
	enum colour colour;
	union {
		int64_t number;
		struct {
			int16_t low;
			int16_t high;
		};
	};
	struct {
		int32_t x, y;
	} named;
	counter_t count;
	uint8_t grid[2][3];
	union either either;
	struct bits bits;
	struct node *node;
	struct later *later;
	struct twin *twin;
	struct nowhere *nowhere;
	enum wide wide;
	_Bool yes;
	double real;
	int (*call)(struct shape *shape, const char *format, ...);
	void *last[];
};

int shape_call(struct shape *shape, const char *format, ...);
void shape_finish(const struct shape *shape, counter_pointer_t count, unsigned int flags);

#endif
