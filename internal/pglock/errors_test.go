package pglock

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Kinds that no server on this machine shows on demand.
func TestClassify(t *testing.T) {
	state := func(code string) error { return &pgconn.PgError{Code: code, Message: "so it is"} }
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	tests := map[string]struct {
		err        error
		connecting bool
		want       error
	}{
		"shut down":              {err: state("57P01"), want: ErrLost},
		"crashed":                {err: state("57P02"), want: ErrLost},
		"shut down, connecting":  {err: state("57P01"), connecting: true, want: ErrNotReady},
		"starting":               {err: state("57P03"), want: ErrNotReady},
		"too many":               {err: state("53300"), connecting: true, want: ErrTooManyConnections},
		"cancelled":              {err: state("57014"), want: ErrTimeout},
		"lock timeout":           {err: state("55P03"), want: ErrTimeout},
		"standby":                {err: state("25006"), want: ErrReadOnly},
		"pooler":                 {err: state("08P01"), connecting: true, want: ErrNotAdmitted},
		"protocol":               {err: state("08P01")},
		"schema":                 {err: state("3F000"), want: ErrNotFound},
		"something else":         {err: state("22012")},
		"interrupted":            {err: fmt.Errorf("x: %w", context.Canceled)},
		"deadline":               {err: context.DeadlineExceeded, want: ErrTimeout},
		"DNS timeout":            {err: &net.DNSError{IsTimeout: true}, want: ErrTimeout},
		"end":                    {err: io.ErrUnexpectedEOF, want: ErrLost},
		"reset":                  {err: op(os.NewSyscallError("read", syscall.ECONNRESET)), want: ErrLost},
		"closed":                 {err: net.ErrClosed, want: ErrLost},
		"expired":                {err: x509.CertificateInvalidError{Reason: x509.Expired}, want: ErrCertificate},
		"one of two":             {err: errors.Join(op(syscall.ECONNRESET), state("28P01")), connecting: true, want: ErrPassword},
		"certificate before net": {err: errors.Join(io.EOF, x509.HostnameError{Certificate: &x509.Certificate{}}), connecting: true, want: ErrHostMismatch},
		"no socket":              {err: op(os.ErrNotExist), connecting: true, want: ErrRefused},
		"no idea":                {err: errors.New("x")},
	}
	if runtime.GOOS != "windows" {
		tests["no route"] = struct {
			err        error
			connecting bool
			want       error
		}{err: op(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), connecting: true, want: ErrUnreachable}
	}
	client := &Client{}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := client.wrap("connect", "", tc.connecting, tc.err)
			var call *CallError
			if !errors.As(err, &call) || call.kind != tc.want { //nolint:errorlint // the very same
				t.Fatalf("got %v, want %v", call.kind, tc.want)
			}
			if tc.want != nil && (!errors.Is(err, tc.want) || Hint(err) == "") {
				t.Errorf("%v has the hint %q", err, Hint(err))
			}
			if !errors.Is(err, tc.err) || client.wrap("again", "", false, err) != err { //nolint:errorlint // the very same
				t.Errorf("%v is wrapped twice, or hides its cause", err)
			}
			if tc.want == nil && Hint(err) != "" {
				t.Errorf("the hint for %v is %q", err, Hint(err))
			}
		})
	}
	if client.wrap("x", "", false, nil) != nil || Hint(nil) != "" || Hint(errors.New("x")) != "" {
		t.Error("nothing is something")
	}
}

// Of several hosts each fails in its own way, and the error tells about the one that counts.
func TestResponsible(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	host := x509.HostnameError{Certificate: &x509.Certificate{}, Host: "db.example"}
	client := &Client{}
	err := client.wrap("connect", "", true, errors.Join(refused, fmt.Errorf("tls error: %w", host)))
	if !errors.Is(err, ErrHostMismatch) || !strings.Contains(err.Error(), "x509") || strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

func TestHintsForCodes(t *testing.T) {
	client := &Client{}
	for code, text := range map[string]string{"53100": "disk", "42601": "PostgreSQL 13", "22023": "encoding"} {
		err := client.wrap("create", "", false, &pgconn.PgError{Code: code, Message: "x", Detail: "more"})
		if !strings.Contains(Hint(err), text) || !strings.Contains(err.Error(), "x: more (SQLSTATE "+code+")") {
			t.Errorf("%v has the hint %q", err, Hint(err))
		}
	}
}
