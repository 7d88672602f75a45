package elastic

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meepo-replicate/meepo/targets"
)

// firstSuffix makes the name of the first index of a destination.
const firstSuffix = "-000001"

// maxNameBytes is the longest index name that Elasticsearch takes.
const maxNameBytes = 255

// CheckName says why a destination's name cannot be that of an alias with an index behind it; nil if
// it can. It asks nobody.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the name is empty")
	case name == "." || name == "..":
		return fmt.Errorf("the name %q is reserved", name)
	case strings.ContainsAny(name[:1], "-_+."):
		return fmt.Errorf("the name %q begins with %q, which Elasticsearch does not allow", name, name[:1])
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %q is not valid UTF-8", name)
	case len(name)+len(firstSuffix) > maxNameBytes:
		return fmt.Errorf("the name %q has %d bytes, at most %d are possible (the index behind it is called %s%s)",
			name, len(name), maxNameBytes-len(firstSuffix), "…", firstSuffix)
	}
	for _, r := range name {
		if strings.ContainsRune(`\/*?"<>|,#:%`, r) || unicode.IsSpace(r) || unicode.IsControl(r) {
			return fmt.Errorf("the name %q holds %q, which no index name can have here", name, r)
		}
		if unicode.ToLower(r) != r {
			return fmt.Errorf("the name %q has upper-case letters; use %q", name, strings.ToLower(name))
		}
	}
	return nil
}

// metadata are names that Elasticsearch keeps for itself in a document.
var metadata = map[string]bool{
	"_id": true, "_index": true, "_source": true, "_routing": true, "_ignored": true, "_field_names": true, "_version": true, "_seq_no": true,
	"_primary_term": true, "_doc_count": true, "_tier": true, "_nested_path": true, "_type": true, "_size": true, "_feature": true,
	"_data_stream_timestamp": true, "_tsid": true, "_ts_routing_hash": true, "_ignored_source": true, "_inference_fields": true,
}

// CheckFields says why fields cannot stand in one document; nil if they can. It asks nobody.
func CheckFields(fields []targets.Field) error {
	paths := map[string]bool{}
	for _, field := range fields {
		name := field.Name
		switch {
		case strings.TrimSpace(name) == "":
			return fmt.Errorf("field %q: the name is empty", name)
		case metadata[name]:
			return fmt.Errorf("field %s: Elasticsearch keeps this name for itself", name)
		case paths[name]:
			return fmt.Errorf("field %s: there are two of that name", name)
		}
		for _, part := range strings.Split(name, ".") {
			if strings.TrimSpace(part) == "" {
				return fmt.Errorf("field %q: a dot at an end or beside a dot", name)
			}
		}
		paths[name] = true
	}
	// Elasticsearch reads a dot as "in the object".
	for name := range paths {
		for i := range len(name) {
			if name[i] == '.' && paths[name[:i]] {
				return fmt.Errorf("fields %s and %s: the dot makes %s an object, which it is not", name[:i], name, name[:i])
			}
		}
	}
	return nil
}
