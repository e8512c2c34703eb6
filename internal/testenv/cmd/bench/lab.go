package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// lab is what the measurements share.
type lab struct {
	dir    string
	server *minio.Server
	proxy  *s3proxy.Proxy
	cli    tfcli.CLI
	// programs are those whose start is measured, by their role.
	programs map[string]string
}

// The roles of the programs.
const (
	roleGroundwork = "groundwork"
	roleSmallest   = "smallest provider"
	roleNothing    = "program that does nothing"
)

func newLab(ctx context.Context, latency time.Duration) (_ *lab, err error) {
	l := &lab{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.dir, err = os.MkdirTemp("", "groundwork-bench-"); err != nil {
		return nil, fmt.Errorf("making a folder to work in: %w", err)
	}
	if err := l.build(ctx); err != nil {
		return nil, err
	}
	if l.server, err = minio.Start(ctx, minio.Options{}); err != nil {
		return nil, err
	}
	if l.proxy, err = s3proxy.Start(l.server.Endpoint, s3proxy.Options{}); err != nil {
		return nil, err
	}
	l.proxy.SetLatency(latency)
	return l, l.workspace(ctx)
}

func (l *lab) close() error {
	var errs []error
	if l.proxy != nil {
		errs = append(errs, l.proxy.Close())
	}
	if l.server != nil {
		errs = append(errs, l.server.Stop())
	}
	if l.dir != "" {
		errs = append(errs, os.RemoveAll(l.dir))
	}
	return errors.Join(errs...)
}

// build builds the provider as a release is built, and what it is compared with.
func (l *lab) build(ctx context.Context) error {
	root, err := toolchain.ModuleRoot()
	if err != nil {
		return err
	}
	nothing := filepath.Join(l.dir, "nothing.go")
	if err := os.WriteFile(nothing, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return fmt.Errorf("writing a program that does nothing: %w", err)
	}
	l.programs = map[string]string{}
	for role, source := range map[string]string{
		roleGroundwork: ".", roleSmallest: "./internal/testenv/tfcli/testdata/scratch", roleNothing: nothing,
	} {
		path := filepath.Join(l.dir, fmt.Sprintf("bin%d", len(l.programs)), filepath.Base(toolchain.ModulePath()))
		if runtime.GOOS == "windows" {
			path += ".exe"
		}
		// #nosec G204 -- fixed arguments
		cmd := exec.CommandContext(ctx, "make", "-s", "-C", root, "provider", "BIN="+path, "PACKAGE="+source)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building the %s: %w\n%s", role, err, out)
		}
		l.programs[role] = path
	}
	return nil
}

// configuration creates as many buckets as it is told, and nothing else.
const configuration = `
terraform {
  required_providers {
    groundwork = { source = %q }
  }
}

variable "prefix" {
  type = string
}

variable "buckets" {
  type = number
}

resource "groundwork_state_bucket" "this" {
  count = var.buckets
  name  = "${var.prefix}-${count.index}"
}
`

// workspace prepares a directory in which Terraform runs with the provider built here.
func (l *lab) workspace(ctx context.Context) error {
	terraform, err := toolchain.Path(ctx, "terraform")
	if err != nil {
		return err
	}
	mirror, config := filepath.Join(l.dir, "mirror"), filepath.Join(l.dir, "cli.tfrc")
	work, home := filepath.Join(l.dir, "work"), filepath.Join(l.dir, "home")
	err = errors.Join(
		tfcli.Pack(mirror, l.programs[roleGroundwork], tfcli.Version), tfcli.WriteConfig(config, mirror),
		os.Mkdir(work, 0o700), os.Mkdir(home, 0o700),
		os.WriteFile(filepath.Join(work, "main.tf"), fmt.Appendf(nil, configuration, tfcli.Source()), 0o600),
	)
	if err != nil {
		return fmt.Errorf("preparing a workspace: %w", err)
	}
	l.cli = tfcli.CLI{Path: terraform, Dir: work, Home: home, ConfigFile: config, Env: []string{
		"GROUNDWORK_SERVICE=minio", "GROUNDWORK_ENDPOINT=" + l.proxy.URL(), "GROUNDWORK_REGION=" + l.server.Region,
		"GROUNDWORK_ACCESS_KEY=" + l.server.AccessKey, "GROUNDWORK_SECRET_KEY=" + l.server.SecretKey,
	}}
	return l.terraform(ctx, "init")
}

func (l *lab) terraform(ctx context.Context, args ...string) error {
	result, err := l.cli.Run(ctx, args...)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, result.Output())
	}
	if result.ExitCode != 0 {
		return fmt.Errorf("terraform %v: exit code %d\n%s", args, result.ExitCode, result.Output())
	}
	return nil
}
