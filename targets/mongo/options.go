package mongo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/targets"
)

// createOption is the option of a destination.
const createOption = "options"

// Options are what a mapping may say for this target alone.
func Options() []targets.Option {
	return []targets.Option{{
		Name: createOption, Kind: targets.OptionTree, Example: "{validator: {total: {$gte: 0}}, validationAction: warn, storageEngine: {wiredTiger: {configString: block_compressor=zstd}}}",
		Doc: "Options of the collection when it is made, as db.createCollection takes them, if they leave documents where they are and keys told apart. A collection that exists keeps its own, and check says where they differ.",
	}}
}

// createOptions are those of the create command that a collection of ours may have, and those that none may, with the reason.
var createOptions = map[string]string{
	"validator": "", "validationLevel": "", "validationAction": "", "storageEngine": "", "indexOptionDefaults": "", "changeStreamPreAndPostImages": "",
	"clusteredIndex": "", "comment": "",

	"capped":             "documents would go when others come",
	"size":               "it is for capped collections, whose documents go when others come",
	"max":                "it is for capped collections, whose documents go when others come",
	"expireAfterSeconds": "documents would go by themselves",
	"collation":          "it may take different texts for one key; give an index a collation instead",
	"timeseries":         "its documents cannot be replaced one by one",
	"viewOn":             "a view cannot be written to",
	"pipeline":           "a view cannot be written to",
}

// CheckOptions says what is wrong with a destination's options; each error begins with its place among them.
func CheckOptions(dest *targets.Destination) error {
	wrong := []error{targets.CheckOptions(Options(), dest.Options)}
	said := createSaid(dest)
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if why, known := createOptions[name]; !known {
			wrong = append(wrong, fmt.Errorf("%s.%s: there is no such option of a collection, or none that is known here", createOption, name))
		} else if why != "" {
			wrong = append(wrong, fmt.Errorf("%s.%s: %s; leave it out", createOption, name, why))
		}
	}
	return errors.Join(wrong...)
}

// createSaid are the options of a new collection that a mapping says.
func createSaid(dest *targets.Destination) map[string]any {
	said, _ := dest.Options[createOption].(map[string]any)
	return said
}

// createCommand makes a destination's collection.
func createCommand(dest *targets.Destination) bson.D {
	_, name, _ := strings.Cut(dest.Name, ".")
	command := bson.D{{Key: "create", Value: name}}
	said := createSaid(dest)
	for _, option := range slices.Sorted(maps.Keys(said)) {
		command = append(command, bson.E{Key: option, Value: ordered(said[option])})
	}
	return command
}

// ordered gives the members of maps an order, so that what is shown is what is sent.
func ordered(value any) any {
	switch v := value.(type) {
	case map[string]any:
		d := bson.D{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			d = append(d, bson.E{Key: name, Value: ordered(v[name])})
		}
		return d
	case []any:
		a := bson.A{}
		for _, element := range v {
			a = append(a, ordered(element))
		}
		return a
	}
	return value
}

// Describe shows the command by which Prepare makes a destination that is not there, as mongosh takes it. It asks nobody.
func Describe(dest *targets.Destination) (string, error) {
	if err := checkDestination(dest); err != nil {
		return "", err
	}
	command, err := bson.MarshalExtJSON(createCommand(dest), false, false)
	if err != nil {
		return "", fmt.Errorf("encode options of %s: %w", dest.Name, err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, command, "", "  "); err != nil {
		return "", fmt.Errorf("encode options of %s: %w", dest.Name, err)
	}
	database, _, _ := strings.Cut(dest.Name, ".")
	name, err := json.Marshal(database)
	return fmt.Sprintf("db.getSiblingDB(%s).runCommand(%s)\n", name, pretty.Bytes()), err
}

// checkCreated tells where a collection that exists is otherwise than the mapping's options say: they are for new ones.
func checkCreated(dest *targets.Destination, have *existing, found *targets.Findings) {
	said := createSaid(dest)
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if name == "comment" {
			continue // it is of the command
		}
		want, is := shownOption(ordered(said[name])), "not set"
		if value, err := have.options.LookupErr(name); err == nil {
			is = shownOption(value)
		}
		if want != is {
			found.Add(targets.Warning, dest.Name, fmt.Sprintf("option %s is %s, and the mapping says %s: a collection that exists keeps its options", name, is, want),
				"change it with the command collMod, where that can, or give the mapping another destination with `to`")
		}
	}
}

func shownOption(value any) string {
	text, err := bson.MarshalExtJSON(bson.D{{Key: "v", Value: value}}, false, false)
	if err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(text), `{"v":`), "}")
}
