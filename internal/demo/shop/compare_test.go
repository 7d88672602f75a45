package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/meepo-replicate/meepo/internal/demo"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

const rows = 1000

// filled returns a shop in a database of the test's own.
func filled(t *testing.T, flavor servertest.Flavor) (*demo.Shop, *servertest.Database) {
	t.Helper()
	database := servertest.OpenSQL(t, flavor).InSchema(t)
	shop, err := demo.Open(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shop.Close() })
	if err := shop.Fill(t.Context(), 1, rows); err != nil {
		t.Fatal(err)
	}
	return shop, database
}

// compared returns what compare prints, and its error.
func compared(t *testing.T, shop *demo.Shop, copied target) (string, error) {
	t.Helper()
	var out strings.Builder
	err := compare(t.Context(), &flags{}, shop, copied, &out)
	return out.String(), err
}

// A shop that was filled by the same seed stands for a copy of another one.
func TestCompare_NamesWhatDiffers(t *testing.T) {
	shop, _ := filled(t, servertest.MySQL)
	copied, database := filled(t, servertest.Postgres)
	end, err := openTarget(t.Context(), database.URL, copied.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end.close(t.Context()) })
	if out, err := compared(t, shop, end); err != nil || !strings.Contains(out, "1,000") {
		t.Fatalf("two equal shops: %v\n%s", err, out)
	}
	for _, change := range []struct{ statement, says string }{
		{"UPDATE products SET weight_kg = weight_kg + 0.001 WHERE id = 3", "products 3: weight_kg: "},
		{"UPDATE orders SET note = '' WHERE id = (SELECT MIN(id) FROM orders WHERE note IS NULL)", `note: "", and in the row "NULL"`},
		{"DELETE FROM order_items WHERE order_id = 7 AND line = 1", "order_items 7|1 was not copied"},
		{"UPDATE reviews SET id = 5000 WHERE id = 2", "reviews 2 was not copied"},
		{"SELECT 1", "reviews 5000 was copied from no row that is there"},
	} {
		database.Exec(t, change.statement)
		if out, err := compared(t, shop, end); err == nil || !strings.Contains(out, change.says) {
			t.Errorf("after %s: want %q, got %v\n%s", change.statement, change.says, err, out)
		}
	}
	if _, err := compared(t, shop, end); err == nil || !strings.Contains(err.Error(), "5 differences") {
		t.Errorf("after all of them: %v", err)
	}
}

// inElastic writes a table's rows into the index that the shop's name gives, as texts.
func inElastic(t *testing.T, shop *demo.Shop, server *servertest.Elastic, index, table string) {
	t.Helper()
	var bulk strings.Builder
	_, key := demo.Columns(table)
	err := shop.Each(t.Context(), table, func(row []demo.Cell) error {
		doc := map[string]any{}
		for _, cell := range row {
			doc[cell.Name] = cell.Value
		}
		content, err := json.Marshal(doc)
		fmt.Fprintf(&bulk, "{\"index\": {\"_index\": %q, \"_id\": %q}}\n%s\n", index, idOf(row, key), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := server.Do(t, http.MethodPost, "/_bulk?refresh=true", bulk.String()); status != http.StatusOK || strings.Contains(string(answer), `"errors":true`) {
		t.Fatalf("bulk: %d %.300s", status, answer)
	}
}

func TestElastic_ReadsItsDocumentsBack(t *testing.T) {
	shop, _ := filled(t, servertest.Postgres)
	server := servertest.OpenElastic(t)
	end, err := openTarget(t.Context(), server.URL, server.Prefix+"shop")
	if err != nil {
		t.Fatal(err)
	}
	const table = "order_items"
	index := end.place(table).name
	inElastic(t, shop, server, index, table)
	found, err := compareTable(t.Context(), shop, end, table)
	if err != nil || found.differences > 0 || found.items == 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	if n, err := end.count(t.Context(), table); n != found.rows || err != nil {
		t.Errorf("%d documents of %d, %v", n, found.rows, err)
	}
	fields, err := end.one(t.Context(), table, []string{"7", "1"})
	if err != nil || fields["order_id"] != "7" {
		t.Errorf("7|1 is %v, %v", fields, err)
	}
	server.Do(t, http.MethodDelete, "/"+index+"/_doc/7%7C1?refresh=true", nil)
	if fields, err := end.one(t.Context(), table, []string{"7", "1"}); err != nil || fields != nil {
		t.Errorf("deleted, 7|1 is %v, %v", fields, err)
	}
	found, err = compareTable(t.Context(), shop, end, table)
	if err != nil || found.differences != 1 || found.examples[0] != "order_items 7|1 was not copied" {
		t.Errorf("after a delete: %+v, %v", found, err)
	}
}

// What the replicator writes is shown by the demo itself; here some documents are as a person would write them.
func TestMongo_ReadsItsDocumentsBack(t *testing.T) {
	shop, _ := filled(t, servertest.MariaDB)
	server := servertest.OpenMongo(t)
	end, err := openTarget(t.Context(), server.URL+"/"+server.Name, shop.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end.close(t.Context()) })
	const table = "order_items"
	_, key := demo.Columns(table)
	docs := []any{}
	err = shop.Each(t.Context(), table, func(row []demo.Cell) error {
		doc, id := bson.D{}, bson.D{}
		for i, cell := range row {
			value, err := bson.ParseDecimal128(fmt.Sprint(cell.Value))
			if err != nil {
				return err
			}
			doc = append(doc, bson.E{Key: cell.Name, Value: value})
			if i < key {
				id = append(id, doc[i])
			}
		}
		docs = append(docs, append(bson.D{{Key: "_id", Value: id}}, doc...))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Do(t, func(db *mongo.Database) error {
		_, err := db.Collection(table).InsertMany(t.Context(), docs)
		return err
	})
	found, err := compareTable(t.Context(), shop, end, table)
	if err != nil || found.differences > 0 || found.items == 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	if n, err := end.count(t.Context(), table); n != found.rows || err != nil {
		t.Errorf("%d documents of %d, %v", n, found.rows, err)
	}
	fields, err := end.one(t.Context(), table, []string{"7", "1"})
	if err != nil || fields["order_id"] != "7" {
		t.Errorf("7|1 is %v, %v", fields, err)
	}
	server.Do(t, func(db *mongo.Database) error {
		_, err := db.Collection(table).UpdateOne(t.Context(), bson.D{{Key: "order_id", Value: 7}, {Key: "line", Value: 1}}, bson.D{{Key: "$set", Value: bson.D{{Key: "quantity", Value: 99}}}})
		return err
	})
	found, err = compareTable(t.Context(), shop, end, table)
	if err != nil || found.differences != 1 || !strings.Contains(found.examples[0], "order_items 7|1: quantity: \"99\"") {
		t.Errorf("after an update: %+v, %v", found, err)
	}
}

func TestDiffers_ToTheMillisecond(t *testing.T) {
	cell := demo.Cell{Column: demo.Column{Name: "at", Kind: demo.Moment}, Value: "2026-11-01 10:00:00.123456"}
	for copied, equal := range map[string]bool{"2026-11-01T10:00:00.123Z": true, "2026-11-01T10:00:00.124Z": false} {
		if reason := differs(cell, copied, true); (reason == "") != equal {
			t.Errorf("%s: %q", copied, reason)
		}
		if reason := differs(cell, copied, false); reason == "" {
			t.Errorf("%s is equal where microseconds are kept", copied)
		}
	}
}

func TestOpenTarget_RefusesOthers(t *testing.T) {
	for _, address := range []string{"", "redis://app:secret@host/shop", "postgres://app:secret@host:x y/shop", "mongodb://app:secret@host:x/shop"} {
		end, err := openTarget(t.Context(), address, "shop")
		if err == nil {
			t.Fatalf("%q was opened: %v", address, end)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the message holds the password: %v", address, err)
		}
	}
}
