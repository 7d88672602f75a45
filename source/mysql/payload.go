package mysql

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/klauspost/compress/zstd"
)

// payload reads the events of a compressed transaction one at a time: all at once they would need
// as much memory as the transaction is large.
type payload struct {
	zstd   *zstd.Decoder
	parser *replication.BinlogParser
}

// openPayload reads the fields before the compressed bytes: type, length, value each.
func openPayload(raw, format []byte, info server) (*payload, error) {
	const zstdCompressed, uncompressed = 0, 255
	compression := uint64(uncompressed)
	rest := raw[replication.EventHeaderSize:]
	for rest[0] != replication.OTW_PAYLOAD_HEADER_END_MARK {
		kind, size := rest[0], int(rest[1])
		value := rest[2 : 2+size]
		rest = rest[2+size:]
		if kind == replication.OTW_PAYLOAD_COMPRESSION_TYPE_FIELD {
			compression, _, _ = gomysql.LengthEncodedInt(value)
		}
	}
	rest = rest[1:]
	if compression != zstdCompressed {
		return nil, fmt.Errorf("unknown compression %d of a transaction", compression)
	}
	if checksummed(format) {
		rest = rest[:len(rest)-replication.BinlogChecksumLength]
	}
	p := &payload{parser: newParser(info)}
	if _, err := p.parser.Parse(withoutChecksum(format)); err != nil {
		return nil, parseError(err)
	}
	var err error
	p.zstd, err = zstd.NewReader(bytes.NewReader(rest), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	return p, err
}

func checksummed(format []byte) bool {
	return format[len(format)-replication.BinlogChecksumLength-1] == byte(replication.BINLOG_CHECKSUM_ALG_CRC32)
}

// withoutChecksum returns a format description for events that have none.
func withoutChecksum(format []byte) []byte {
	format = slices.Clone(format)
	format[len(format)-replication.BinlogChecksumLength-1] = byte(replication.BINLOG_CHECKSUM_ALG_OFF)
	return format
}

// next returns nil after the last event.
func (p *payload) next() ([]byte, error) {
	header := make([]byte, replication.EventHeaderSize)
	if _, err := io.ReadFull(p.zstd, header); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("decompress transaction: %w", err)
	}
	size := binary.LittleEndian.Uint32(header[9:])
	if size < uint32(len(header)) {
		return nil, fmt.Errorf("decompress transaction: an event of %d bytes", size)
	}
	raw := append(header, make([]byte, int(size)-len(header))...)
	if _, err := io.ReadFull(p.zstd, raw[len(header):]); err != nil {
		return nil, fmt.Errorf("decompress transaction: %w", err)
	}
	return raw, nil
}

func (p *payload) close() { p.zstd.Close() }
