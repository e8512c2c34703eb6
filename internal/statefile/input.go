package statefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression says how a state is compressed.
type Compression uint8

// The compressions that Pulumi writes.
const (
	None Compression = iota
	Gzip
	Zstd
)

// String names the compression.
func (c Compression) String() string {
	switch c {
	case Gzip:
		return "gzip"
	case Zstd:
		return "zstd"
	case None:
	}
	return "none"
}

// maxWindow is the most memory that a zstd frame may ask for: 8 MiB is what
// Pulumi and zstd write unless told otherwise.
const maxWindow = 64 << 20

// sniffLength covers every signature that is looked for.
const sniffLength = 8

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	// zstdSkippable is what a skippable frame begins with, after a byte that
	// varies in its low half.
	zstdSkippable = []byte{0x2a, 0x4d, 0x18}
	// binaryMagic begins the format that Terraform wrote before 0.7.
	binaryMagic = []byte("tfstate")
)

// input is an opened state: its plain bytes, and what stood in their way.
type input struct {
	io.Reader
	compression Compression
	source      *source
	closer      func()
}

// Close releases the decompressor, never the caller's reader.
func (in *input) Close() {
	if in.closer != nil {
		in.closer()
	}
}

// cause tells damaged compressed data from a source that failed.
func (in *input) cause(err error) error {
	var read *ReadError
	if in.compression == None || in.source.err != nil || in.source.ctx.Err() != nil || !errors.As(err, &read) {
		return err
	}
	return &DecompressError{Compression: in.compression, Err: read.Err}
}

// source watches the context between reads, and fails for good once it failed.
type source struct {
	ctx context.Context
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if s.err == nil && s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// open looks at the first bytes and undoes the compression they announce.
func open(ctx context.Context, r io.Reader) (*input, error) {
	in := &input{source: &source{ctx: ctx, r: r}}
	head, body, err := sniff(in.source)
	if err != nil {
		return nil, err
	}
	if in.source.err != nil {
		return nil, &ReadError{Offset: int64(len(head)), Err: in.source.err}
	}
	if err := in.decompress(head, body); err != nil {
		return nil, in.cause(&ReadError{Err: err})
	}
	if in.compression != None {
		// A little input may unfold into much: the context is watched here too.
		if head, body, err = sniff(&source{ctx: ctx, r: in.Reader}); err != nil {
			in.Close()
			return nil, in.cause(err)
		}
		in.Reader = body
	}
	if err := checkHead(head); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

// sniff returns the first bytes of r, and a reader that begins with them again.
func sniff(r io.Reader) (head []byte, body io.Reader, err error) {
	head = make([]byte, sniffLength)
	n, err := io.ReadFull(r, head)
	head = head[:n]
	switch {
	case errors.Is(err, io.EOF) && n == 0:
		return nil, nil, ErrEmpty
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil, &ReadError{Offset: int64(n), Err: err}
	}
	return head, io.MultiReader(bytes.NewReader(head), r), nil
}

func (in *input) decompress(head []byte, body io.Reader) error {
	switch compressionOf(head) {
	case Gzip:
		in.compression = Gzip
		z, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		in.Reader = z
	case Zstd:
		in.compression = Zstd
		// One goroutine less, and memory that the window alone bounds.
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
		in.Reader, in.closer = z, z.Close
	case None:
		in.Reader = body
	}
	return nil
}

func compressionOf(head []byte) Compression {
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return Gzip
	case bytes.HasPrefix(head, zstdMagic),
		len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], zstdSkippable):
		return Zstd
	default:
		return None
	}
}

// byteOrderMarks are what editors and shells put before a state that went
// through them. No tool reads such a state.
var byteOrderMarks = []struct {
	mark     []byte
	encoding string
}{
	{[]byte{0xef, 0xbb, 0xbf}, "UTF-8"},
	{[]byte{0xff, 0xfe}, "UTF-16"},
	{[]byte{0xfe, 0xff}, "UTF-16"},
}

func hasByteOrderMark(head []byte) (encoding string, ok bool) {
	for _, b := range byteOrderMarks {
		if bytes.HasPrefix(head, b.mark) {
			return b.encoding, true
		}
	}
	return "", false
}

func checkHead(head []byte) error {
	if bytes.HasPrefix(head, binaryMagic) {
		return &UnsupportedVersionError{Kind: Terraform}
	}
	if encoding, ok := hasByteOrderMark(head); ok {
		return &SyntaxError{Reason: fmt.Sprintf("the state begins with a byte order mark, so a shell or an editor "+
			"rewrote it as %s: save it as UTF-8 without a mark", encoding)}
	}
	return nil
}
