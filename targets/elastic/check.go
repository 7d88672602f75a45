package elastic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Checker = (*Target)(nil)

// Check looks at the server, then at each destination.
func (t *Target) Check(ctx context.Context, dests []*targets.Destination) ([]targets.Finding, error) {
	var found targets.Findings
	if err := t.checkServer(ctx, &found); err != nil {
		return nil, fmt.Errorf("check elasticsearch: %w", targets.Advise(err))
	}
	if err := t.checkCluster(ctx, &found); err != nil {
		return nil, fmt.Errorf("check elasticsearch: %w", err)
	}
	if err := t.checkPrivileges(ctx, dests, &found); err != nil {
		return nil, fmt.Errorf("check elasticsearch: %w", err)
	}
	for _, dest := range dests {
		if err := t.foretell(ctx, dest, &found); err != nil {
			return nil, fmt.Errorf("check %s: %w", dest.Name, err)
		}
		found.AddLosses(dest.Name, t.Losses(dest))
		checkKey(dest, &found)
	}
	return found.WorstFirst(), nil
}

func (t *Target) checkServer(ctx context.Context, found *targets.Findings) error {
	var answer struct {
		Version struct {
			Number       string `json:"number"`
			Distribution string `json:"distribution"`
		} `json:"version"`
	}
	if err := t.client.do(ctx, esapi.InfoRequest{}, &answer); err != nil {
		return err
	}
	number := answer.Version.Number
	switch {
	case number == "":
		found.Add(targets.Fatal, "server", "does not answer like Elasticsearch or OpenSearch", "check the URL: GET / has to show the version")
	case answer.Version.Distribution != "":
		found.Add(targets.Note, "server", answer.Version.Distribution+" "+number, "")
	case versionBelow(number, 7, 17):
		found.Add(targets.Fatal, "server", "Elasticsearch "+number+" is older than 7.17", "upgrade to Elasticsearch 7.17 or later")
	default:
		found.Add(targets.Note, "server", "Elasticsearch "+number, "")
	}
	return nil
}

func versionBelow(number string, major, minor int) bool {
	parts := strings.SplitN(number, ".", 3)
	if len(parts) < 2 {
		return false
	}
	a, errA := strconv.Atoi(parts[0])
	b, errB := strconv.Atoi(parts[1])
	return errA == nil && errB == nil && (a < major || a == major && b < minor)
}

// checkCluster looks at the cluster's health. An account without the privilege cannot see it.
func (t *Target) checkCluster(ctx context.Context, found *targets.Findings) error {
	var answer struct {
		Status string `json:"status"`
	}
	err := t.client.do(ctx, esapi.ClusterHealthRequest{}, &answer)
	switch {
	case errors.Is(err, targets.ErrDenied):
		found.Add(targets.Note, "cluster", "its health cannot be seen by this account", "")
		return nil
	case err != nil:
		return err
	case answer.Status == "red":
		found.Add(targets.Warning, "cluster", "status is red: some shards have no copy at all", "GET /_cluster/allocation/explain says why")
	}
	return nil
}

// checkPrivileges asks the security module, where there is one, whether the account may do what a
// run needs.
func (t *Target) checkPrivileges(ctx context.Context, dests []*targets.Destination, found *targets.Findings) error {
	if len(dests) == 0 {
		return nil
	}
	names := []string{marksIndex}
	for _, dest := range dests {
		names = append(names, dest.Name, dest.Name+firstSuffix)
	}
	body, err := jsonBody(property{"cluster": []string{"monitor"}, "index": []any{property{"names": names, "privileges": []string{"create_index", "manage", "read", "write"}}}})
	if err != nil {
		return err
	}
	var answer struct {
		All     bool                       `json:"has_all_requested"`
		Cluster map[string]bool            `json:"cluster"`
		Index   map[string]map[string]bool `json:"index"`
	}
	err = t.client.do(ctx, esapi.SecurityHasPrivilegesRequest{Body: body}, &answer)
	var refused *statusError
	if errors.As(err, &refused) && !errors.Is(err, targets.ErrDenied) {
		return nil // no security module, or one that does not know the question
	}
	if err != nil || answer.All {
		return err
	}
	for privilege, has := range answer.Cluster {
		if !has {
			found.Add(targets.Warning, "privileges", "the account lacks the cluster privilege "+privilege, "grant it to the role of the user or API key")
		}
	}
	for name, privileges := range answer.Index {
		for privilege, has := range privileges {
			if has {
				continue
			}
			severity, without := targets.Fatal, ""
			if name == marksIndex {
				severity, without = targets.Warning, ": without it a target that went back to an earlier time, or a lost state, may go unnoticed"
			}
			found.Add(severity, name, "the account lacks the index privilege "+privilege+without, "grant it to the role of the user or API key")
		}
	}
	return nil
}

// foretell says what Prepare would say.
func (t *Target) foretell(ctx context.Context, dest *targets.Destination, found *targets.Findings) error {
	w, wrong, err := t.examine(ctx, dest)
	if err != nil {
		return err
	}
	found.AddUnfit(dest.Name, wrong)
	if w.index == nil {
		if len(wrong) > 0 {
			return nil
		}
		if err := t.checkTemplates(ctx, dest, found); err != nil {
			return err
		}
		return t.simulated(ctx, dest, found)
	}
	if len(wrong) == 0 && len(w.missing) > 0 {
		found.Add(targets.Note, dest.Name, fmt.Sprintf("%d fields will be added to index [%s]", len(w.missing), w.index.name), "")
	}
	checkSettings(dest.Name, w.index, found)
	checkSaid(dest, w.index, found)
	return nil
}

// checkSettings looks for blocks and for what makes an index of others risky.
func checkSettings(dest string, ix *index, found *targets.Findings) {
	for _, block := range []string{"index.blocks.write", "index.blocks.read_only", "index.blocks.read_only_allow_delete", "index.blocks.metadata"} {
		if value, _ := ix.setting(block); value != "true" {
			continue
		}
		fix := fmt.Sprintf(`PUT /%s/_settings {"%s": null}`, ix.name, block)
		if block == "index.blocks.read_only_allow_delete" {
			fix = "free disk space: Elasticsearch sets this above its flood-stage watermark; then " + fix
		}
		found.Add(targets.Fatal, dest, "index ["+ix.name+"] has the block "+block, fix)
	}
	if value, ok := ix.setting("index.gc_deletes"); !ok || shorterThanHour(value) {
		found.Add(targets.Warning, dest,
			"index ["+ix.name+"] forgets the versions of deleted documents after "+cmp.Or(value, "60s")+": a request that arrives later could bring one back",
			fmt.Sprintf(`PUT /%s/_settings {"index.gc_deletes": "%s"}`, ix.name, gcDeletes))
	}
	if value, ok := ix.setting("index.translog.durability"); ok && !strings.EqualFold(value, "request") {
		found.Add(targets.Warning, dest, "index ["+ix.name+"] writes to disk some time after it has answered (translog durability "+value+"): a crash of the server can lose documents that the saved position is past",
			fmt.Sprintf(`PUT /%s/_settings {"index.translog.durability": "request"}`, ix.name))
	}
	if pipeline, ok := ix.setting("index.default_pipeline"); ok && pipeline != "_none" {
		found.Add(targets.Warning, dest, "index ["+ix.name+"] sends documents through the ingest pipeline "+pipeline+": they may not equal their rows", "remove index.default_pipeline unless this is meant")
	}
	if ix.dynamic != "strict" && ix.dynamic != "false" && ix.dynamic != false && !ix.made(dest) {
		found.Add(targets.Note, dest, "index ["+ix.name+"] was not made by us and adds fields that it does not know (dynamic)", "")
	}
}

// shorterThanHour reads a time value of Elasticsearch ("90m"); one it cannot read is no reason to
// warn.
func shorterThanHour(text string) bool {
	units := []struct {
		suffix  string
		perHour int64
	}{{"nanos", 3600e9}, {"micros", 3600e6}, {"ms", 3600e3}, {"s", 3600}, {"m", 60}, {"h", 1}}
	for _, unit := range units {
		if digits, ok := strings.CutSuffix(text, unit.suffix); ok {
			n, err := strconv.ParseInt(digits, 10, 64)
			return err == nil && n < unit.perHour
		}
	}
	return false
}

// checkKey looks for keys that no id has room for.
func checkKey(dest *targets.Destination, found *targets.Findings) {
	for _, field := range dest.Key {
		if longest := field.Length * 4; field.Kind == targets.KindText && longest > maxIDBytes {
			found.Add(targets.Note, dest.Name, fmt.Sprintf("key column %s (%s) can be longer than an id, %d bytes: a row with such a key becomes a dead letter", field.Name, field.Native, maxIDBytes), "")
		}
	}
}
