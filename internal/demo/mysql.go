package demo

import (
	"context"
	"database/sql"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// mysqlServer is MySQL, and MariaDB.
var mysqlServer = &server{
	creates: mysqlTables,
	prepare: func(string) []string {
		var drops []string
		for _, t := range tables { // those that refer to others first
			drops = append([]string{"DROP TABLE IF EXISTS " + t.name}, drops...)
		}
		return drops
	},
	finish: func(string) []string { return nil },
	put: func(kind Kind) string {
		if kind == Point {
			return "POINT(?,?)"
		}
		return "?"
	},
	get: func(c Column) string {
		switch c.Kind {
		case Point:
			return "ST_AsText(" + c.Name + ")"
		case Bits:
			return c.Name + "+0"
		}
		return c.Name
	},
	since: "TIMEDIFF(?, LEFT(placed_at, 19))",
}

func openMySQL(ctx context.Context, u *url.URL, name string) (*Shop, error) {
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr = "tcp", u.Host
	if u.Port() == "" {
		cfg.Addr += ":3306"
	}
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.InterpolateParams = true // one round trip per statement
	cfg.Params = map[string]string{"time_zone": "'+00:00'", "character_set_results": "utf8mb4"}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	quoted := "`" + strings.ReplaceAll(name, "`", "``") + "`"
	return newShop(ctx, sql.OpenDB(connector), mysqlServer, name, "CREATE DATABASE IF NOT EXISTS "+quoted+" CHARACTER SET utf8mb4", "USE "+quoted)
}
