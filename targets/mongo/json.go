package mongo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxDepth is how deep a document may be nested, its own level among them.
const maxDepth = 100

// fromJSON makes documents, arrays and values of a JSON text. Members keep their order; of several of one name the last one
// counts. With doubles all numbers are that, as in geometries.
func fromJSON(text string, doubles bool) (any, error) {
	p := jsonParser{json.NewDecoder(strings.NewReader(text)), doubles}
	p.tokens.UseNumber()
	value, err := p.value(1)
	if err == nil {
		if _, end := p.tokens.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("more than one value")
		}
	}
	if err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			err = errors.New("not valid JSON") // the library's text has a piece of the value
		}
		return nil, err
	}
	return value, nil
}

type jsonParser struct {
	tokens  *json.Decoder
	doubles bool
}

func (p jsonParser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	token, err := p.tokens.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case json.Number:
		return p.number(string(v)), nil
	}
	return token, nil
}

func (p jsonParser) object(depth int) (any, error) {
	d := bson.D{}
	at := map[string]int{}
	for p.tokens.More() {
		token, err := p.tokens.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok {
			return nil, errors.New("a member's name is no text")
		}
		name = strings.ReplaceAll(name, "\x00", "\ufffd") // it would end the name
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if i, twice := at[name]; twice {
			d[i].Value = value
			continue
		}
		at[name] = len(d)
		d = append(d, bson.E{Key: name, Value: value})
	}
	_, err := p.tokens.Token() // the bracket
	return d, err
}

func (p jsonParser) array(depth int) (any, error) {
	a := bson.A{}
	for p.tokens.More() {
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		a = append(a, value)
	}
	_, err := p.tokens.Token()
	return a, err
}

// number returns the smallest type that has all of a number's digits: an integer, a double whose decimal digits are the
// same, a decimal; the nearest double where there is none.
func (p jsonParser) number(text string) any {
	if !p.doubles && !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
			return integer(n, typeInt)
		}
		if d, ok := decimal(text); ok && text != "-0" {
			return d
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if p.doubles || err == nil && sameNumber(text, f) {
		return f
	}
	if d, ok := decimal(text); ok {
		return d
	}
	if math.IsInf(f, 0) {
		return text
	}
	return f
}

// sameNumber says whether a double's shortest digits are the number.
func sameNumber(text string, f float64) bool {
	if len(text) > 400 {
		return false
	}
	a, okA := new(big.Rat).SetString(text)
	b, okB := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	return okA && okB && a.Cmp(b) == 0
}
