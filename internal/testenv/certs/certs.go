// Package certs makes a certificate authority and a server certificate for tests that speak TLS to
// a server on the loopback interface.
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
	"time"
)

const lifetime = 24 * time.Hour

// Pair is an authority with the one server certificate that it signed, for localhost, 127.0.0.1
// and ::1.
type Pair struct {
	// CAFile, CertFile and KeyFile are PEM files.
	CAFile, CertFile, KeyFile string
	// Pool holds the authority alone.
	Pool *x509.CertPool
}

// New writes ca.crt, public.crt and private.key into dir, the names that MinIO looks for.
func New(dir string) (*Pair, error) {
	p := &Pair{
		CAFile:   filepath.Join(dir, "ca.crt"),
		CertFile: filepath.Join(dir, "public.crt"),
		KeyFile:  filepath.Join(dir, "private.key"),
		Pool:     x509.NewCertPool(),
	}
	if err := p.generate(); err != nil {
		return nil, fmt.Errorf("making certificates in %s: %w", dir, err)
	}
	return p, nil
}

func (p *Pair) generate() error {
	caTemplate := template("groundwork test authority", 1)
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

	leaf := template("localhost", 2)
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames = []string{"localhost"}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if _, err := sign(p.CertFile, leaf, ca, key, caKey); err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(p.KeyFile, "PRIVATE KEY", der)
}

// ServerConfig returns a configuration for a Go server with the certificate.
func (p *Pair) ServerConfig() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", p.CertFile, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

func template(name string, serial int64) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
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
