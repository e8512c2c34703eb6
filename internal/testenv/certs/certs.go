// Package certs makes a certificate authority, a server certificate and client certificates for
// tests that speak TLS to a server on the loopback interface.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const lifetime = 24 * time.Hour

// Pair is an authority with the one server certificate that it signed.
type Pair struct {
	// CAFile, CertFile and KeyFile are PEM files.
	CAFile, CertFile, KeyFile string
	// Pool holds the authority alone.
	Pool *x509.CertPool

	dir   string
	ca    *x509.Certificate
	caKey *ecdsa.PrivateKey

	mu     sync.Mutex
	serial int64
}

// New writes ca.crt, public.crt and private.key into dir, the names that MinIO looks for. The
// server certificate is for localhost, 127.0.0.1 and ::1.
func New(dir string) (*Pair, error) {
	return NewFor(dir, []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback})
}

// NewFor is New with a server certificate for other names and addresses, such as none that a test
// connects to.
func NewFor(dir string, names []string, addresses []net.IP) (*Pair, error) {
	p := &Pair{
		CAFile:   filepath.Join(dir, "ca.crt"),
		CertFile: filepath.Join(dir, "public.crt"),
		KeyFile:  filepath.Join(dir, "private.key"),
		Pool:     x509.NewCertPool(),
		dir:      dir,
	}
	if err := p.generate(names, addresses); err != nil {
		return nil, fmt.Errorf("making certificates in %s: %w", dir, err)
	}
	return p, nil
}

func (p *Pair) generate(names []string, addresses []net.IP) error {
	caTemplate := p.template("groundwork test authority")
	caTemplate.IsCA = true
	caTemplate.BasicConstraintsValid = true
	caTemplate.KeyUsage = x509.KeyUsageCertSign
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca, err := sign(p.CAFile, caTemplate, caTemplate, caKey, caKey)
	if err != nil {
		return err
	}
	p.Pool.AddCert(ca)
	p.ca, p.caKey = ca, caKey

	leaf := p.template("localhost")
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames, leaf.IPAddresses = names, addresses
	return p.issue(leaf, p.CertFile, p.KeyFile)
}

// Client writes a certificate for a client of that name, signed by the authority, and returns its
// PEM files.
func (p *Pair) Client(name string) (certFile, keyFile string, err error) {
	leaf := p.template(name)
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	base := filepath.Join(p.dir, "client-"+leaf.SerialNumber.String())
	certFile, keyFile = base+".crt", base+".key"
	if err := p.issue(leaf, certFile, keyFile); err != nil {
		return "", "", fmt.Errorf("making a client certificate in %s: %w", p.dir, err)
	}
	return certFile, keyFile, nil
}

func (p *Pair) issue(leaf *x509.Certificate, certFile, keyFile string) error {
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if _, err := sign(certFile, leaf, p.ca, key, p.caKey); err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(keyFile, "PRIVATE KEY", der)
}

// ServerConfig returns a configuration for a Go server with the certificate.
func (p *Pair) ServerConfig() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", p.CertFile, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

func (p *Pair) template(name string) *x509.Certificate {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	return &x509.Certificate{
		SerialNumber: big.NewInt(p.serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // a clock that is a little behind is no failure
		NotAfter:     now.Add(lifetime),
	}
}

func sign(path string, cert, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, err
	}
	if err := writePEM(path, "CERTIFICATE", der); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
