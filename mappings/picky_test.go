package mappings

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// PickyRules are those of a target that refuses some signs, upper case, a name that is long or begins with _, and a field named _id.
var PickyRules = Rules{
	Name: func(dest string) error {
		switch at := strings.IndexAny(dest, "%#, "); {
		case at >= 0:
			return fmt.Errorf("the name %q holds '%s'", dest, dest[at:at+1])
		case len(dest) > 200:
			return errors.New("the name is longer than 200 bytes")
		case dest != strings.ToLower(dest):
			return fmt.Errorf("the name %q has upper-case letters", dest)
		case dest[0] == '_':
			return fmt.Errorf("the name %q begins with _", dest)
		}
		return nil
	},
	Fields: func(fields []targets.Field) error {
		for _, field := range fields {
			if field.Name == "_id" {
				return errors.New("field _id: it is the target's own")
			}
			if slices.ContainsFunc(fields, func(f targets.Field) bool { return field.Name == "address" && strings.HasPrefix(f.Name, "address.") }) {
				return fmt.Errorf("field %s: it is an object, too", field.Name)
			}
			if field.As == "scaled_float" && field.Scale == 0 {
				return &targets.HintError{Err: fmt.Errorf("field %s: scaled_float has no scale", field.Name), Advice: "such as 100"}
			}
		}
		return nil
	},
	Block: "elastic",
	Options: []targets.Option{
		{Name: "routing", Kind: targets.OptionColumns}, {Name: "pipeline", Kind: targets.OptionText},
		{Name: "settings", Kind: targets.OptionTree}, {Name: "shards", Kind: targets.OptionInt}, {Name: "strict", Kind: targets.OptionBool},
	},
	Types: []targets.FieldType{
		{Name: "keyword", Kinds: []targets.Kind{targets.KindText, targets.KindInt}},
		{Name: "boolean", Kinds: []targets.Kind{targets.KindBool}},
		{Name: "scaled_float", Kinds: []targets.Kind{targets.KindDecimal, targets.KindFloat}, Scaled: true},
		{Name: "numeric(p,s)", Kinds: []targets.Kind{targets.KindDecimal}},
	},
	Destination: func(dest *targets.Destination) error {
		if settings, ok := dest.Options["settings"].(map[string]any); ok && settings["gc_deletes"] != nil {
			return &targets.HintError{Err: errors.New("settings.gc_deletes: it is ours to set"), Advice: "leave it out"}
		}
		return nil
	},
}
