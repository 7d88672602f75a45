package mongo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/targets"
)

// ReadDocs shows documents as JSON, without _id: integers as they are, doubles in the fewest digits and with a point or an
// exponent, decimals and what JSON has no number for as text, binaries in base64, uuids as text, dates as
// "2006-01-02T15:04:05.000Z".
func (t *Target) ReadDocs(ctx context.Context, dest string, ids []targets.ID) ([]targets.Doc, error) {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	key, err := t.keyOf(ctx, dest)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dest, err)
	}
	docs := make([]targets.Doc, len(ids))
	at := make(map[targets.ID]int, len(ids))
	asked := bson.A{}
	for i, id := range ids {
		docs[i] = targets.Doc{ID: id}
		if value, err := keyOf(key, id); err == nil { // else no document can have it
			at[id] = i
			asked = append(asked, value)
		}
	}
	c, err := t.collection(ctx, dest)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dest, err)
	}
	found, err := c.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: asked}}}})
	var all []bson.Raw
	if err == nil {
		err = found.All(ctx, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dest, t.refused(ctx, c.Database().Client(), err))
	}
	for _, raw := range all {
		id, ok := idOf(key, raw.Lookup("_id"))
		if i, wanted := at[id]; ok && wanted {
			docs[i].Found = true
			if docs[i].Body, err = shown(raw); err != nil {
				return nil, fmt.Errorf("read %s: %w", dest, err)
			}
		}
	}
	if len(all) == 0 {
		return docs, t.there(ctx, dest)
	}
	return docs, nil
}

// shown is a document without its _id.
func shown(doc bson.Raw) ([]byte, error) {
	elements, err := doc.Elements()
	if err != nil {
		return nil, err
	}
	kept := elements[:0]
	for _, element := range elements {
		if element.Key() != "_id" {
			kept = append(kept, element)
		}
	}
	return appendObject(nil, kept)
}

func appendObject(out []byte, elements []bson.RawElement) ([]byte, error) {
	out = append(out, '{')
	for i, element := range elements {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(element.Key())
		if err != nil {
			return nil, err
		}
		out = append(append(out, name...), ':')
		if out, err = appendValue(out, element.Value()); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func appendValue(out []byte, value bson.RawValue) ([]byte, error) {
	switch value.Type {
	case bson.TypeNull, bson.TypeUndefined:
		return append(out, "null"...), nil
	case bson.TypeBoolean:
		return strconv.AppendBool(out, value.Boolean()), nil
	case bson.TypeInt32, bson.TypeInt64:
		return strconv.AppendInt(out, value.AsInt64(), 10), nil
	case bson.TypeDouble:
		return appendDouble(out, value.Double()), nil
	case bson.TypeEmbeddedDocument:
		elements, err := value.Document().Elements()
		if err != nil {
			return nil, err
		}
		return appendObject(out, elements)
	case bson.TypeArray:
		return appendArray(out, value.Array())
	}
	text, err := json.Marshal(textOf(value))
	return append(out, text...), err
}

func appendArray(out []byte, array bson.RawArray) ([]byte, error) {
	values, err := array.Values()
	if err != nil {
		return nil, err
	}
	out = append(out, '[')
	for i, value := range values {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = appendValue(out, value); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

func appendDouble(out []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(append(append(out, '"'), strconv.FormatFloat(f, 'g', -1, 64)...), '"')
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0" // no integer
	}
	return append(out, text...)
}

// textOf is the text of what JSON has no type for.
func textOf(value bson.RawValue) string {
	switch value.Type {
	case bson.TypeString:
		return value.StringValue()
	case bson.TypeDecimal128:
		return decimalText(value.Decimal128())
	case bson.TypeBinary:
		subtype, data := value.Binary()
		if subtype == bson.TypeBinaryUUID && len(data) == 16 {
			return uuidText(data)
		}
		return base64.StdEncoding.EncodeToString(data)
	case bson.TypeDateTime:
		return bson.DateTime(value.DateTime()).Time().In(time.UTC).Format("2006-01-02T15:04:05.000Z")
	case bson.TypeObjectID:
		return value.ObjectID().Hex()
	}
	return value.String()
}

func decimalText(d bson.Decimal128) string {
	n, exponent, err := d.BigInt()
	if err != nil {
		return d.String() // NaN, infinities
	}
	return plain(n, exponent)
}
