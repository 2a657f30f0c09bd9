/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The unwinder's pure parts (bpf/unwind/step.h, bpf/unwind/rows.h), compiled for the host and run over recorded memory.
 * Reads recordings on standard input and prints, for each, the frames and the outcome in the recording's own words.
 * The format: README.md. A line that is not understood ends the program with status 2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#include "../../bpf/abi.h"

typedef __abi_u16 u16;
typedef __abi_u32 u32;
typedef __abi_u64 u64;

struct row_search {
	u32 low;
	u32 high;
};

#define MAX_MAPPINGS 64
#define MAX_EXECUTABLES 64
#define MAX_ROWS 20000
#define MAX_STACK_WORDS (1 << 16)
#define MAX_LINE (1 << 16)

struct word {
	u64 address;
	u64 value;
};

struct row {
	u32 executable;
	u64 offset;
	u32 rule;
};

struct table {
	u64 *elements;
	u32 count, base_page, pages;
	int has_rows;
};

struct recording {
	struct abi_registers registers;
	struct mapping {
		u64 start, end, file_offset;
		u32 executable;
	} mappings[MAX_MAPPINGS];
	u32 mapping_count;
	struct row rows[MAX_ROWS];
	u32 row_count;
	struct abi_rule rules[MAX_ROWS + ABI_RULE_FIRST_FREE];
	u32 rule_count;
	struct word words[MAX_STACK_WORDS];
	u32 word_count;
	struct table tables[MAX_EXECUTABLES];
};

static struct recording recording;

/* Aligned words only: no recording has a stack that is not. */
static int read_word(u64 address, u64 *destination)
{
	u32 low = 0, high = recording.word_count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (recording.words[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == recording.word_count || recording.words[low].address != address)
		return -1;
	*destination = recording.words[low].value;
	return 0;
}

static void *table_element(const struct table *table, u32 index)
{
	return index < table->count ? &table->elements[index] : NULL;
}

#define READ_WORD(address, destination) read_word(address, destination)
#define TABLE_ELEMENT(table, index) table_element(table, index)

#include "../../bpf/unwind/rows.h"
#include "../../bpf/unwind/step.h"

/* ---- Reading a recording ------------------------------------------------------------------------------------ */

static void refuse(const char *what, const char *line)
{
	fprintf(stderr, "%s: %s\n", what, line);
	exit(2);
}

static int parse_saved(const char *text, int *kind, __abi_s16 *offset)
{
	int number = 0;

	if (!strcmp(text, "u"))
		*kind = ABI_SAVE_UNKNOWN;
	else if (!strcmp(text, "lr"))
		*kind = ABI_SAVE_SAME;
	else if (sscanf(text, "c%d", &number) == 1)
		*kind = ABI_SAVE_CFA;
	else if (sscanf(text, "*(rbp%d)", &number) == 1)
		*kind = ABI_SAVE_FP;
	else if (sscanf(text, "*(rsp%d)", &number) == 1)
		*kind = ABI_SAVE_SP;
	else if (sscanf(text, "pushed(c%d)", &number) == 1)
		*kind = ABI_SAVE_PUSHED;
	else
		return -1;
	*offset = (__abi_s16)number;
	return 0;
}

static int parse_cfa(const char *text, struct abi_rule *rule)
{
	int offset = 0, addend = 0;
	unsigned int reg = 0, run = 0;

	if (sscanf(text, "rsp%d+8*((rip&15)>=%d)", &offset, &addend) == 2)
		rule->cfa_kind = ABI_CFA_PLT;
	else if (sscanf(text, "*(rsp%d+8*leaf%u)%d", &offset, &reg, &addend) == 3)
		rule->cfa_kind = ABI_CFA_INDEXED;
	else if (sscanf(text, "*(rsp%d)%d", &offset, &addend) == 2)
		rule->cfa_kind = ABI_CFA_DEREF_SP;
	else if (sscanf(text, "*(rbp%d)%d", &offset, &addend) == 2)
		rule->cfa_kind = ABI_CFA_DEREF_FP;
	else if (sscanf(text, "rsp%d+8*pushes(%x)", &offset, &run) == 2)
		reg = 8;
	else if (sscanf(text, "rsp%d-8*pops(%x)", &offset, &run) == 2)
		reg = (__abi_u8)-8;
	else if (sscanf(text, "rsp%d", &offset) == 1)
		rule->cfa_kind = ABI_CFA_SP;
	else if (sscanf(text, "switch(rbp%d)", &offset) == 1)
		rule->cfa_kind = ABI_CFA_FP_SWITCH;
	else if (sscanf(text, "rbp%d", &offset) == 1)
		rule->cfa_kind = ABI_CFA_FP;
	else if (sscanf(text, "rbx%d", &offset) == 1)
		rule->cfa_kind = ABI_CFA_BX;
	else if (sscanf(text, "leaf%u%d", &reg, &offset) == 2)
		rule->cfa_kind = ABI_CFA_LEAF;
	else
		return -1;
	rule->cfa_register = (__abi_u8)reg;
	rule->cfa_offset = offset;
	rule->cfa_addend = (__abi_s16)(run ? (int)run : addend);
	return 0;
}

/* "none", "end", …, or "cfa=rsp+16 rbp=c-16 ra=c-8": the number of the rule. */
static u32 parse_rule(char *text, const char *line)
{
	static const char *const fixed[] = { "none", "end", "unsupported", "signal", "frame-pointer" };
	int ra_kind = ABI_SAVE_UNKNOWN, fp_kind = ABI_SAVE_SAME, bx_kind = ABI_SAVE_SAME, failed = 0;
	struct abi_rule *rule = &recording.rules[recording.rule_count];
	char *token, *rest = text;

	for (u32 i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (!strcmp(text, fixed[i]))
			return i;
	memset(rule, 0, sizeof(*rule));
	while ((token = strsep(&rest, " "))) {
		if (!strncmp(token, "cfa=", 4))
			failed |= parse_cfa(token + 4, rule);
		else if (!strncmp(token, "rbp=", 4))
			failed |= parse_saved(token + 4, &fp_kind, &rule->fp_offset);
		else if (!strncmp(token, "rbx=", 4))
			failed |= parse_saved(token + 4, &bx_kind, &rule->bx_offset);
		else if (!strncmp(token, "ra=", 3))
			failed |= parse_saved(token + 3, &ra_kind, &rule->ra_offset);
		else
			failed = -1;
	}
	if (failed)
		refuse("not a rule", line);
	rule->fp_kind = (__abi_u8)(fp_kind | ra_kind << 4);
	rule->bx_kind = (__abi_u8)bx_kind;
	return recording.rule_count++;
}

static void parse_registers(char *text, const char *line)
{
	struct abi_registers *r = &recording.registers;

	if (sscanf(text, "ip=%llx sp=%llx fp=%llx bx=%llx lr=%llx return_address=%u", &r->ip, &r->sp, &r->fp, &r->bx,
		   &r->lr, &r->return_address) != 6)
		refuse("not registers", line);
}

static void parse_leaf(char *text)
{
	char *token, *rest = text;
	u32 i = 0;

	while (i < 17 && (token = strsep(&rest, " ")))
		recording.registers.leaf[i++] = strtoull(token, NULL, 16);
	recording.registers.leaf_valid = 1;
}

static void parse_stack(char *text, const char *line)
{
	char *token, *rest = text;
	u64 address = strtoull(strsep(&rest, " "), NULL, 16);

	while ((token = strsep(&rest, " "))) {
		if (recording.word_count == MAX_STACK_WORDS)
			refuse("too much stack", line);
		if (recording.word_count && recording.words[recording.word_count - 1].address >= address)
			refuse("stack not in the order of addresses", line);
		recording.words[recording.word_count].address = address;
		recording.words[recording.word_count++].value = strtoull(token, NULL, 16);
		address += 8;
	}
}

static void parse_line(char *line)
{
	char copy[256], *text = line;
	const char *word = strsep(&text, " ");
	int consumed = 0;

	snprintf(copy, sizeof(copy), "%s %s", word, text ? text : "");
	if (!text)
		text = line + strlen(line);
	if (!strcmp(word, "registers")) {
		parse_registers(text, copy);
	} else if (!strcmp(word, "leaf")) {
		parse_leaf(text);
	} else if (!strcmp(word, "stack")) {
		parse_stack(text, copy);
	} else if (!strcmp(word, "mapping")) {
		struct mapping *mapping = &recording.mappings[recording.mapping_count];

		if (recording.mapping_count++ == MAX_MAPPINGS ||
		    sscanf(text, "%llx %llx %llx %u", &mapping->start, &mapping->end, &mapping->file_offset,
			   &mapping->executable) != 4 ||
		    mapping->executable >= MAX_EXECUTABLES)
			refuse("not a mapping", copy);
	} else if (!strcmp(word, "row")) {
		struct row *row = &recording.rows[recording.row_count];

		if (recording.row_count++ == MAX_ROWS ||
		    sscanf(text, "%u %llx %n", &row->executable, &row->offset, &consumed) != 2 ||
		    row->executable >= MAX_EXECUTABLES)
			refuse("not a row", copy);
		row->rule = parse_rule(text + consumed, copy);
	} else if (strcmp(word, "#") && strcmp(word, "frame") && strcmp(word, "outcome") &&
		   strcmp(word, "executable")) {
		refuse("not a line of a recording", copy);
	}
}

/* ---- The table of an executable, as abi.h lays it out ------------------------------------------------------- */

static void put_row(struct table *table, u32 first, u32 position, u16 low, u32 rule)
{
	struct abi_row_pair *pair = (void *)&table->elements[first + position / 2];

	pair->row[position & 1].low = low;
	pair->row[position & 1].rule = (u16)rule;
}

static void build_table(u32 executable)
{
	struct table *table = &recording.tables[executable];
	u64 last_page = 0;
	u32 in_force = ABI_RULE_NONE, next, i = 0;

	memset(table, 0, sizeof(*table));
	for (u32 r = 0; r < recording.row_count; r++) {
		if (recording.rows[r].executable != executable)
			continue;
		if (!table->has_rows)
			table->base_page = (u32)(recording.rows[r].offset >> ABI_PAGE_SHIFT);
		table->has_rows = 1;
		last_page = recording.rows[r].offset >> ABI_PAGE_SHIFT;
	}
	if (!table->has_rows)
		return;
	table->pages = (u32)(last_page - table->base_page + 1);
	table->elements = calloc(table->pages + recording.row_count + table->pages * 2, sizeof(u64));
	next = table->pages;
	for (u32 page = 0; page < table->pages; page++) {
		struct abi_page *index = (void *)&table->elements[page];
		u32 count = 0;

		for (; i < recording.row_count; i++) {
			const struct row *row = &recording.rows[i];

			if (row->executable != executable)
				continue;
			if (row->offset >> ABI_PAGE_SHIFT != table->base_page + page)
				break;
			if (!count && (row->offset & 0xffff))
				put_row(table, next, count++, 0, in_force);
			put_row(table, next, count++, row->offset & 0xffff, row->rule);
			in_force = row->rule;
		}
		if (!count)
			put_row(table, next, count++, 0, in_force);
		if (count & 1) {
			const struct abi_row_pair *pair = (void *)&table->elements[next + count / 2];

			put_row(table, next, count, pair->row[0].low, pair->row[0].rule);
			count++;
		}
		index->first = next;
		index->elements = count / 2;
		next += count / 2;
	}
	table->count = next;
}

/* ---- The walk: unwind/native.bpf.c without the kernel ------------------------------------------------------- */

static const struct mapping *find_mapping(u64 address)
{
	for (u32 i = 0; i < recording.mapping_count; i++)
		if (recording.mappings[i].start <= address && address < recording.mappings[i].end)
			return &recording.mappings[i];
	return NULL;
}

static int unwind_frame(u32 depth)
{
	struct abi_registers *r = &recording.registers;
	u64 address = step_lookup_address(r), offset;
	const struct mapping *mapping = find_mapping(address);
	u32 match = ABI_RULE_NONE;

	if (!mapping)
		return ABI_OUTCOME_NO_MAPPING;
	if (depth >= ABI_MAX_USER_FRAMES)
		return ABI_OUTCOME_TOO_DEEP;
	offset = address - mapping->start + mapping->file_offset;
	printf("frame %u 0x%llx\n", mapping->executable, mapping->executable ? offset : address);
	if (mapping->executable && recording.tables[mapping->executable].has_rows) {
		struct table *table = &recording.tables[mapping->executable];
		struct row_search search;

		match = rows_find_rule(table, &search, table->base_page, table->pages, offset);
		if (match == ROWS_CORRUPT)
			return ABI_OUTCOME_TABLE_CORRUPT;
	}
	return step(r, match, &recording.rules[ROW_RULE(match)]);
}

static void unwind(const char *name)
{
	static const char *const outcomes[] = {
		"complete",	    "unknown-executable", "too-deep",	       "no-mapping",	   "not-executable",
		"unsupported-rule", "stack-unreadable",	  "stack-not-growing", "no-frame-pointer", "table-corrupt",
	};
	int outcome;
	u32 depth = 0;

	for (u32 executable = 1; executable < MAX_EXECUTABLES; executable++)
		build_table(executable);
	printf("recording %s\n", name);
	do
		outcome = unwind_frame(depth++);
	while (outcome == STEP_ON);
	if (outcome < 0 || (size_t)outcome >= sizeof(outcomes) / sizeof(outcomes[0]))
		printf("outcome %d\n", outcome);
	else
		printf("outcome %s\n", outcomes[outcome]);
	for (u32 executable = 1; executable < MAX_EXECUTABLES; executable++)
		free(recording.tables[executable].elements);
}

int main(void)
{
	static char line[MAX_LINE], name[MAX_LINE];
	int open = 0;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "recording ", 10)) {
			if (open)
				unwind(name);
			memset(&recording, 0, sizeof(recording));
			recording.rule_count = ABI_RULE_FIRST_FREE;
			snprintf(name, sizeof(name), "%s", line + 10);
			open = 1;
		} else if (*line) {
			parse_line(line);
		}
	}
	if (open)
		unwind(name);
	return 0;
}
