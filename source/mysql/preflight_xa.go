package mysql

import (
	"context"
	"fmt"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// xa warns of XA transactions that are prepared now: where nobody followed when they were, nothing tells
// what they will have changed. MySQL shows them to accounts with XA_RECOVER_ADMIN only, and one without
// it is not asked to have it: nothing is lost that way, only copied once more.
func (p *preflight) xa(ctx context.Context) error {
	rows, err := p.s.db.QueryContext(ctx, "XA RECOVER")
	if isErrno(err, errXARecover, errPrivilege) {
		return nil
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	var ids []string
	count := 0
	for rows.Next() {
		var format, first, second int64
		var id []byte
		if err := rows.Scan(&format, &first, &second, &id); err != nil {
			return err
		}
		const shown = 3
		if count++; count <= shown && first+second <= int64(len(id)) {
			ids = append(ids, fmt.Sprintf("X'%x',X'%x',%d", id[:first], id[first:first+second], format))
		}
	}
	if count > 0 {
		p.add(source.Warning, "XA RECOVER",
			fmt.Sprintf("%d XA transactions are prepared now (%s): when one commits that was prepared before the first run, its changes are unknown and every table is copied again",
				count, strings.Join(ids, "; ")),
			"before a first run, let them end, and XA COMMIT or XA ROLLBACK those that were left behind")
	}
	return rows.Err()
}
