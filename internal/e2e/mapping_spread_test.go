package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// regions are the values of the column that says where rows go. The last two come later.
var regions = []string{"eu", "us", "jp", "AU", "br"}

// TestMapping_Spread: rows go to a destination per region, while they are copied under a writer and followed, over a kill and a
// restart, to regions that come later; rows that move to another region move there; and a run that begins anew removes what no row
// stands for, from a destination that has no rows any more, too.
func TestMapping_Spread(t *testing.T) {
	onPairs(t, []string{"mysql+elastic", "postgres+mongo", "mariadb+postgres"}, func(t *testing.T, source sourceEnd, target targetEnd) {
		source.exec(t, "CREATE TABLE spread (region VARCHAR(10) NOT NULL, id INT NOT NULL, v VARCHAR(64), PRIMARY KEY (region, id))", spreadRows(0, 3000, 3))
		from, schema := source.config()
		to, prefix := target.config()
		p := &plant{t: t, source: source, target: target, dir: in(t, fmt.Sprintf(
			"version: 1\n%s\n%s\nmappings:\n  - {name: spread, from: %s.spread, to: \"%sspread_{region}\", id: \"{region}:{id}\"}\n", from, to, schema, prefix))}
		rnd := rand.New(rand.NewPCG(3, 5))
		r := p.start("", false)
		for range 200 {
			p.moveRows(rnd, 3)
		}
		p.wantSpread(r)
		source.exec(t, spreadRows(3000, 100, len(regions))) // new ones
		p.moveRows(rnd, len(regions))
		r.signal(t, syscall.SIGKILL)
		<-r.ended
		for range 50 {
			p.moveRows(rnd, len(regions))
		}
		r = p.start("", false)
		p.wantSpread(r)
		source.exec(t, "DELETE FROM spread WHERE region = 'us'")
		p.wantSpread(r)
		if s := p.status(); s.Letters != 0 || len(s.Parked) != 0 || len(s.Tables) != 1 || s.Tables[0].Destinations != len(regions) {
			t.Errorf("status %+v", s)
		}
		r.stop(t)

		source.exec(t, "DELETE FROM spread WHERE region <> 'eu' AND id < 3000", "UPDATE spread SET v = 'fresh' WHERE region = 'eu'")
		fresh := invocation{args: []string{"--fresh", "--once", "--state", "new.db"}, dir: p.dir}.run(t)
		if code := fresh.wait(t); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		p.wantSpread(nil)
	})
}

// spreadRows inserts n rows, dealt to the first regions.
func spreadRows(from, n, of int) string {
	text := "INSERT INTO spread VALUES "
	for id := from; id < from+n; id++ {
		if id > from {
			text += ","
		}
		text += fmt.Sprintf("('%s',%d,'row %d')", regions[id%of], id, id)
	}
	return text
}

// moveRows moves some row to another region, changes one, and removes one.
func (p *plant) moveRows(rnd *rand.Rand, of int) {
	p.t.Helper()
	id := rnd.IntN(3000)
	p.source.exec(p.t, fmt.Sprintf("UPDATE spread SET region = '%s', v = 'moved' WHERE id = %d", regions[rnd.IntN(of)], id),
		fmt.Sprintf("UPDATE spread SET v = 'changed' WHERE id = %d", rnd.IntN(3000)), fmt.Sprintf("DELETE FROM spread WHERE id = %d", rnd.IntN(3000)))
}

// wantSpread compares all rows with the documents of all destinations, and waits for that while a run is on.
func (p *plant) wantSpread(r *running) {
	p.t.Helper()
	same := func() (bool, error) {
		diff := cmp.Diff(p.spreadWanted(), p.spreadDocs())
		return diff == "", fmt.Errorf("documents differ (-want +got):\n%.2000s", diff)
	}
	if r != nil {
		r.await(p.t, "all rows where their regions are", same)
	} else if ok, err := same(); !ok {
		p.t.Error(err)
	}
}

// spreadWanted are the documents that there should be, as v by destination and id.
func (p *plant) spreadWanted() map[string]string {
	all := map[string]string{}
	for _, row := range p.source.(sqlEnd).db.QueryStrings(p.t, "SELECT region, id, v FROM spread") {
		all[p.spreadName(row[0])+" "+row[0]+":"+row[1]] = row[2]
	}
	return all
}

// spreadName is the destination of a region: Elasticsearch has names in lower case only.
func (p *plant) spreadName(region string) string {
	if _, elastic := p.target.(elasticEnd); elastic && region == "AU" {
		region = "au"
	}
	return "spread_" + region
}

func (p *plant) spreadDocs() map[string]string {
	all := map[string]string{}
	for _, region := range regions {
		name := p.spreadName(region)
		switch e := p.target.(type) {
		case elasticEnd:
			if status, _ := e.target.Do(p.t, "GET", "/_alias/"+e.target.Prefix+name, nil); status == http.StatusNotFound {
				continue
			}
			for id, doc := range e.target.Docs(p.t, e.target.Prefix+name) {
				all[name+" "+id] = fmt.Sprint(doc["v"])
			}
		case mongoEnd:
			for _, doc := range e.db.Docs(p.t, name) {
				for _, field := range doc {
					if field.Key == "v" {
						all[name+" "+fmt.Sprint(doc[0].Value)] = said(field.Value)
					}
				}
			}
		case postgresEnd:
			table := fmt.Sprintf("%s.%q", endSchema, name)
			if e.db.QueryString(p.t, "SELECT to_regclass('"+table+"') IS NULL") == "true" {
				continue
			}
			for _, row := range e.db.QueryStrings(p.t, "SELECT _id, v FROM "+table) {
				all[name+" "+row[0]] = row[1]
			}
		}
	}
	return all
}
