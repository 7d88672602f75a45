package postgres

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// The options of a destination.
const (
	withOption       = "with"
	tablespaceOption = "tablespace"
	versionsOption   = "version_column"
)

// Options are what a mapping may say for this target alone.
func Options() []targets.Option {
	return []targets.Option{
		{Name: withOption, Kind: targets.OptionTree, Example: "{fillfactor: 80, autovacuum_vacuum_scale_factor: 0.02}",
			Doc: "Storage parameters of the table when it is made. A table that exists keeps its own, and check says where they differ."},
		{Name: tablespaceOption, Kind: targets.OptionText, Example: "fast", Doc: "The tablespace of the table when it is made. Without it the database's."},
		{Name: versionsOption, Kind: targets.OptionText, Example: "row_version",
			Doc: "The column that keeps the version of each row's last write, for when several programs write the table. Without it target.version_column, if that is said."},
	}
}

// CheckOptions says what is wrong with a destination's options; each error begins with its place among them.
func CheckOptions(dest *targets.Destination) error {
	wrong := []error{targets.CheckOptions(Options(), dest.Options)}
	with, _ := dest.Options[withOption].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(with)) {
		wrong = append(wrong, checkParameter(withOption+"."+name, name, with[name]))
	}
	for _, name := range []string{tablespaceOption, versionsOption} {
		if text, ok := dest.Options[name].(string); ok {
			if err := checkIdentifier(text); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	return errors.Join(wrong...)
}

var parameterName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// checkParameter looks at a storage parameter, or at those of the table that holds large values, under toast.
func checkParameter(place, name string, value any) error {
	if !parameterName.MatchString(name) {
		return fmt.Errorf("%s: a storage parameter is called by small letters, digits and _", place)
	}
	tree, ok := value.(map[string]any)
	switch {
	case ok && name == "toast":
		var wrong []error
		for _, inner := range slices.Sorted(maps.Keys(tree)) {
			if inner == "toast" {
				return fmt.Errorf("%s.toast: there is no such storage parameter", place)
			}
			wrong = append(wrong, checkParameter(place+"."+inner, inner, tree[inner]))
		}
		return errors.Join(wrong...)
	case parameterText(value) == "":
		return fmt.Errorf("%s: want a number, true, false or a text", place)
	}
	return nil
}

// parameterText is a storage parameter's value as the server keeps it; empty: it is none.
func parameterText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// parametersOf are the storage parameters that a mapping says, by their names in SQL.
func parametersOf(dest *targets.Destination) map[string]string {
	said := map[string]string{}
	with, _ := dest.Options[withOption].(map[string]any)
	for name, value := range with {
		if tree, ok := value.(map[string]any); ok {
			for inner, value := range tree {
				said[name+"."+inner] = parameterText(value)
			}
			continue
		}
		said[name] = parameterText(value)
	}
	return said
}

func tablespaceOf(dest *targets.Destination) string {
	name, _ := dest.Options[tablespaceOption].(string)
	return name
}

// storage is what stands behind the columns of a new table.
func storage(dest *targets.Destination) string {
	said := parametersOf(dest)
	var with []string
	for _, name := range slices.Sorted(maps.Keys(said)) {
		with = append(with, name+" = "+literal(said[name]))
	}
	text := ""
	if len(with) > 0 {
		text = " WITH (" + strings.Join(with, ", ") + ")"
	}
	if name := tablespaceOf(dest); name != "" {
		text += " TABLESPACE " + quote(name)
	}
	return text
}

// versionColumn is the column of versions of a destination; empty: none.
func (c Config) versionColumn(dest *targets.Destination) string {
	if name, ok := dest.Options[versionsOption].(string); ok {
		return name
	}
	return c.VersionColumn
}

// checkStorage tells where a table that exists is otherwise than the mapping's options say: they are for new ones.
func checkStorage(dest *targets.Destination, have *existingTable, found *targets.Findings) {
	said := parametersOf(dest)
	for _, name := range slices.Sorted(maps.Keys(said)) {
		is, set := have.parameters[name]
		if is == said[name] {
			continue
		}
		if !set {
			is = "not set"
		}
		found.Add(targets.Warning, dest.Name, fmt.Sprintf("storage parameter %s is %s, and the mapping says %s: a table that exists keeps its own", name, is, said[name]),
			fmt.Sprintf("ALTER TABLE %s SET (%s = %s)", quoteTable(dest.Name), name, literal(said[name])))
	}
	if name := tablespaceOf(dest); name != "" && name != have.tablespace {
		found.Add(targets.Warning, dest.Name, fmt.Sprintf("it is in tablespace %s, and the mapping says %s: a table that exists stays where it is", have.tablespace, name),
			fmt.Sprintf("ALTER TABLE %s SET TABLESPACE %s, which copies and locks it", quoteTable(dest.Name), quote(name)))
	}
}
