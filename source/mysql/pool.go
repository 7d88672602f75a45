package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// sqlIdentity asks for what tells a server from all others, whatever its flavor.
const sqlIdentity = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version','server_uuid','server_uid','server_id','hostname','port')`

// connector makes connections that know whose they are: behind one address there can be another
// server after a failover, and connections to both are in the pool for a while.
type connector struct{ sqldriver.Connector }

// serverConn is a connection with the server it leads to.
type serverConn struct {
	driverConn
	server server // flavor, version and uuid only
}

// driverConn is all that the driver's connections can do, so that serverConn can do it, too.
type driverConn interface {
	sqldriver.Conn
	statementConn
	poolConn
}

type statementConn interface {
	sqldriver.ConnBeginTx
	sqldriver.ConnPrepareContext
	sqldriver.ExecerContext
	sqldriver.NamedValueChecker
	sqldriver.QueryerContext
}

type poolConn interface {
	sqldriver.Pinger
	sqldriver.SessionResetter
	sqldriver.Validator
}

// Connect makes a connection and asks the server who it is.
func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	raw, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := raw.(driverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's connection %T lacks methods", raw), raw.Close())
	}
	info, err := identify(ctx, conn)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask the server who it is: %w", err), raw.Close())
	}
	return &serverConn{driverConn: conn, server: info}, nil
}

func identify(ctx context.Context, conn driverConn) (info server, err error) {
	rows, err := conn.QueryContext(ctx, sqlIdentity, nil)
	if err != nil {
		return server{}, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	vars := map[string]string{}
	row := make([]sqldriver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return serverFrom(vars), nil
		case err != nil:
			return server{}, err
		}
		vars[fmt.Sprintf("%s", row[0])] = fmt.Sprintf("%s", row[1])
	}
}

// serverOf returns the server that a connection of the pool leads to.
func serverOf(conn *sql.Conn) (info server, err error) {
	err = conn.Raw(func(c any) error {
		known, ok := c.(*serverConn)
		if !ok {
			return fmt.Errorf("a connection of another kind: %T", c)
		}
		info = known.server
		return nil
	})
	return info, err
}
