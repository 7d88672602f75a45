package elastic

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

func cause(kind, reason string) *itemCause { return &itemCause{Type: kind, Reason: reason} }

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		name   string
		verb   targets.Verb
		item   bulkItem
		class  targets.Class
		stored int64
	}{
		{"created", targets.Upsert, bulkItem{Status: 201}, 0, 0},
		{"overwritten", targets.Upsert, bulkItem{Status: 200}, 0, 0},
		{"deleted", targets.Delete, bulkItem{Status: 200, Index: "d-000001"}, 0, 0},
		{"delete of a missing one", targets.Delete, bulkItem{Status: 404, Index: "d-000001"}, 0, 0},
		{"delete past the alias", targets.Delete, bulkItem{Status: 200, Index: "d"}, targets.Lost, 0},
		{"conflict", targets.Upsert, bulkItem{Status: 409, Error: cause("version_conflict_engine_exception",
			"[x]: version conflict, current version [5] is higher or equal to the one provided [4]")}, targets.Conflict, 5},
		{"conflict of an odd id", targets.Upsert, bulkItem{Status: 409, Error: cause("version_conflict_engine_exception",
			"[current version [7]]: version conflict, current version [9223372036854775806] is higher or equal to the one provided [4]")}, targets.Conflict, 9223372036854775806},
		{"conflict, deleted", targets.Delete, bulkItem{Status: 409, Error: cause("version_conflict_engine_exception", "[x]: version conflict, required seqNo [1]")}, targets.Conflict, 0},
		{"busy", targets.Upsert, bulkItem{Status: 429, Error: cause("es_rejected_execution_exception", "rejected execution")}, targets.Retryable, 0},
		{"breaker", targets.Upsert, bulkItem{Status: 429, Error: cause("circuit_breaking_exception", "Data too large")}, targets.Retryable, 0},
		{"flood stage", targets.Upsert, bulkItem{Status: 429, Error: cause("cluster_block_exception", "disk usage exceeded flood-stage watermark")}, targets.Retryable, 0},
		{"write block", targets.Upsert, bulkItem{Status: 403, Error: cause("cluster_block_exception", "index [d-000001] blocked by: [FORBIDDEN/8/index write (api)];")}, targets.Retryable, 0},
		{"no primary", targets.Upsert, bulkItem{Status: 503, Error: cause("unavailable_shards_exception", "primary shard is not active")}, targets.Retryable, 0},
		{"no primary, no error", targets.Delete, bulkItem{Status: 503}, targets.Retryable, 0},
		{"disk", targets.Upsert, bulkItem{Status: 500, Error: cause("i_o_exception", "No space left on device")}, targets.Retryable, 0},
		{"its own fault", targets.Upsert, bulkItem{Status: 500, Error: cause("null_pointer_exception", "null")}, targets.Doubtful, 0},
		{"a delete's own fault", targets.Delete, bulkItem{Status: 500}, targets.Doubtful, 0},
		{"timeout", targets.Upsert, bulkItem{Status: 408, Error: cause("process_cluster_event_timeout_exception", "failed")}, targets.Retryable, 0},
		{"no index", targets.Upsert, bulkItem{Status: 404, Error: cause("index_not_found_exception", "no such index [d] and [require_alias] request flag is [true]")}, targets.Lost, 0},
		{"no index for a delete", targets.Delete, bulkItem{Status: 404, Index: "d", Error: cause("index_not_found_exception", "no such index [d]")}, targets.Lost, 0},
		{"closed", targets.Upsert, bulkItem{Status: 400, Error: cause("index_closed_exception", "closed")}, targets.Lost, 0},
		{"no right", targets.Upsert, bulkItem{Status: 403, Error: cause("security_exception", "action is unauthorized")}, targets.Lost, 0},
		{"type", targets.Upsert, bulkItem{Status: 400, Error: cause("document_parsing_exception", "[1:6] failed to parse field [a] of type [byte]")}, targets.Rejected, 0},
		{"type, 7.17", targets.Upsert, bulkItem{Status: 400, Error: cause("mapper_parsing_exception", "failed to parse field [a] of type [byte]")}, targets.Rejected, 0},
		{"strict", targets.Upsert, bulkItem{Status: 400, Error: cause("strict_dynamic_mapping_exception", "mapping set to strict")}, targets.Rejected, 0},
		{"argument", targets.Upsert, bulkItem{Status: 400, Error: cause("illegal_argument_exception", "id is too long")}, targets.Rejected, 0},
		{"unknown", targets.Upsert, bulkItem{Status: 418}, targets.Rejected, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := &targets.Op{Verb: c.verb, Dest: &targets.Destination{Name: "d"}, ID: "x", Version: 4}
			does := map[targets.Verb]action{targets.Upsert: actionIndex, targets.Delete: actionDelete}[c.verb]
			got := classify(op, does, c.item)
			if got.Class != c.class || got.Stored != c.stored || (got.Class != 0) != (got.Reason != "") {
				t.Errorf("%+v, want class %d, stored %d", got, c.class, c.stored)
			}
		})
	}
}

func TestWithoutValues(t *testing.T) {
	for reason, want := range map[string]string{
		"[1:6] failed to parse field [a] of type [byte] in document with id '3'. Preview of field's value: '1111'":                             "[1:6] failed to parse field [a] of type [byte]",
		"failed to parse field [profile.Jane Doe.phone] of type [long] in document with id '3'":                                                "failed to parse field [profile.…] of type [long]",
		`Document contains at least one immense term in field="profile.Jane Doe" (whose UTF8 encoding is longer than the max length 32766), x`: `Document contains at least one immense term in field="profile.…" (whose UTF8 encoding is longer than the max length 32766)`,
		"mapping set to strict, dynamic introduction of [Jane] within [_doc] is not allowed":                                                   "mapping set to strict, dynamic introduction of [Jane] within [_doc] is not allowed",
		"[1:6] mapping set to strict, dynamic introduction of [Jane] within [profile.Doe] is not allowed":                                      "[1:6] mapping set to strict, dynamic introduction of […] within [profile.…] is not allowed",
		"failed to parse field [a] of type [byte] in document with id '3'. Preview of field's value: '1111'":                                   "failed to parse field [a] of type [byte]",
		"Value [1111] is out of range for a byte":                                                                                              "Value […] is out of range for a byte",
		`For input string: "se]cr"et"`:                                                                                `For input string…`,
		"failed to parse date field [2024-13-01 ]] ] with format [strict_date]":                                       "failed to parse date field …",
		"[1:6] mapping set to strict, dynamic introduction of [b] within [_doc] is not allowed":                       "[1:6] mapping set to strict, dynamic introduction of [b] within [_doc] is not allowed",
		"[1:13] failed to parse: Duplicate field 'a'\n at [Source: (byte[])\"{\"obj\":{\"a\":1,\"a\":2}}\"; line: 1]": "[1:13] failed to parse…",
		"Failed to parse value [secret] as only [true] or [false] are allowed.":                                       "Failed to parse value …",
		"'secret' is not an IP string literal.":                                                                       "…",
		"":                                                                                                            "",
	} {
		if got := withoutValues(reason); got != want {
			t.Errorf("%q became %q, want %q", reason, got, want)
		}
	}
}

func TestText_NamesCauses(t *testing.T) {
	got := (&itemCause{Type: "document_parsing_exception", Reason: "[1:6] failed to parse field [a] of type [byte] in document with id '3'. Preview of field's value: '1111'",
		CausedBy: cause("illegal_argument_exception", "Value [1111] is out of range for a byte")}).text()
	want := "document_parsing_exception: [1:6] failed to parse field [a] of type [byte]; caused by illegal_argument_exception: Value […] is out of range for a byte"
	if got != want {
		t.Errorf("%s", got)
	}
	if long := cause("x", strings.Repeat("ü", 5000)).serverText(); len(long) > maxReason+10 {
		t.Errorf("%d bytes", len(long))
	}
}

// FuzzWithoutValues: a value that Elasticsearch quotes in one of its known ways does not come through.
func FuzzWithoutValues(f *testing.F) {
	f.Add("5f0e1c")
	f.Add("a] [b")
	f.Add(`" 'x`)
	f.Fuzz(func(t *testing.T, value string) {
		const mark = "mark7fmark"
		for _, form := range []string{
			"[1:6] failed to parse field [a] of type [byte] in document with id '1'. Preview of field's value: '%s'", "Value [%s] is out of range for a byte",
			`For input string: "%s"`, "failed to parse date field [%s] with format [strict_date]", "'%s' is not an IP string literal.",
			"Failed to parse value [%s] as only [true] or [false] are allowed.", `Current token (VALUE_STRING) not numeric: %s`,
		} {
			reason := fmt.Sprintf(form, value+mark+value)
			if got := withoutValues(reason); strings.Contains(got, mark) {
				t.Errorf("%q became %q", reason, got)
			}
		}
	})
}
