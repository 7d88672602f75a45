package elastic

import (
	"fmt"
	"slices"
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
	for _, field := range fields {
		top, _, _ := strings.Cut(field.Name, ".")
		if err := askedTypes.Check(field); err != nil {
			return err
		}
		switch {
		case strings.TrimSpace(field.Name) == "":
			return fmt.Errorf("field %q: the name is empty", field.Name)
		case metadata[top]:
			return fmt.Errorf("field %s: Elasticsearch keeps this name for itself", field.Name)
		case slices.ContainsFunc(strings.Split(field.Name, "."), func(part string) bool { return part != "" && strings.TrimSpace(part) == "" }):
			return fmt.Errorf("field %q: a part of the name is blank", field.Name)
		}
	}
	return targets.CheckPaths(fields)
}
