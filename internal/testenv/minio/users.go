package minio

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// User is one that is not the root user.
type User struct{ AccessKey, SecretKey string }

// CreateUser makes a user with MinIO's own client, with the rights of a policy document, or with none
// where it is empty.
func (s *Server) CreateUser(ctx context.Context, policy string) (_ User, err error) {
	u := User{AccessKey: "user-" + strings.ToLower(rand.Text()[:12]), SecretKey: rand.Text()}
	dir, err := os.MkdirTemp(s.dir, "mc-")
	if err != nil {
		return u, fmt.Errorf("making a folder for mc: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := s.mc(ctx, dir, u.SecretKey+"\n", "admin", "user", "add", "local", u.AccessKey); err != nil || policy == "" {
		return u, err
	}
	file := filepath.Join(dir, "policy.json")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		return u, err
	}
	if err := s.mc(ctx, dir, "", "admin", "policy", "create", "local", u.AccessKey, file); err != nil {
		return u, err
	}
	return u, s.mc(ctx, dir, "", "admin", "policy", "attach", "local", u.AccessKey, "--user", u.AccessKey)
}

func (s *Server) mc(ctx context.Context, dir, stdin string, args ...string) error {
	path, err := toolchain.Path(ctx, "mc")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	host := strings.Replace(s.Endpoint, "://", "://"+s.AccessKey+":"+s.SecretKey+"@", 1)
	result, err := proc.Command{
		Path: path, Dir: dir, Args: append(args, "--json"), Stdin: strings.NewReader(stdin),
		Env: proc.CleanEnv(dir, "MC_HOST_local="+host, "MC_CONFIG_DIR="+dir),
	}.Run(ctx)
	if err == nil && result.ExitCode != 0 {
		err = fmt.Errorf("exit code %d: %s", result.ExitCode, result.Output())
	}
	if err != nil {
		return fmt.Errorf("mc %s: %w", strings.Join(args[:3], " "), err)
	}
	return nil
}
