package tfcli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// Version is the version that the mirror offers the provider as.
const Version = "0.0.1"

// hosts are the registries that a source address without a host means: Terraform's and OpenTofu's.
var hosts = []string{"registry.terraform.io", "registry.opentofu.org"}

// Source returns the provider's address without a host, NAMESPACE/TYPE, as required_providers
// wants it. It follows from the module's path.
func Source() string {
	module := toolchain.ModulePath()
	return path.Join(path.Base(path.Dir(module)), strings.TrimPrefix(path.Base(module), "terraform-provider-"))
}

// Setup builds the provider of the checkout at root, packs it into a mirror in dir and writes a CLI
// configuration beside it. It returns the paths of the program and of the configuration.
func Setup(ctx context.Context, root, dir string) (binary, configFile string, err error) {
	binary, err = Build(ctx, root, filepath.Join(dir, "bin"))
	if err != nil {
		return "", "", err
	}
	mirror := filepath.Join(dir, "mirror")
	if err := Pack(mirror, binary, Version); err != nil {
		return "", "", err
	}
	configFile = filepath.Join(dir, "cli.tfrc")
	return binary, configFile, WriteConfig(configFile, mirror)
}

// Build builds the provider of the checkout at root into dir and returns the path of the program.
func Build(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, path.Base(toolchain.ModulePath())+exe())
	// #nosec G204 -- fixed arguments
	cmd := exec.CommandContext(ctx, "go", "build", "-C", root, "-o", binary, ".")
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the provider in %s: %w\n%s", root, err, out)
	}
	return binary, nil
}

// Pack puts a provider program into a mirror under both registries, in the unpacked layout.
func Pack(mirror, binary, version string) error {
	for _, host := range hosts {
		name := "terraform-provider-" + path.Base(Source()) + "_v" + version + exe()
		target := filepath.Join(mirror, host, filepath.FromSlash(Source()), version, runtime.GOOS+"_"+runtime.GOARCH, name)
		if err := place(target, binary); err != nil {
			return fmt.Errorf("packing the provider into the mirror %s: %w", mirror, err)
		}
	}
	return nil
}

// place links the program, which is large, and copies it where that is not possible.
func place(target, binary string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return err
	}
	if os.Link(binary, target) == nil {
		return nil
	}
	in, err := os.Open(binary) // #nosec G304 -- the caller names the program
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	// #nosec G302 G304 -- a program, at a path made above
	out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// WriteConfig writes a CLI configuration that installs providers from the mirror and from nowhere
// else.
func WriteConfig(file, mirror string) error {
	abs, err := filepath.Abs(mirror)
	if err != nil {
		return fmt.Errorf("writing the CLI configuration %s: %w", file, err)
	}
	text := fmt.Sprintf(`# There is no "direct" method here on purpose: what the mirror lacks is an error, not a download.
provider_installation {
  filesystem_mirror {
    path = %s
  }
}
disable_checkpoint = true
`, strconv.Quote(filepath.ToSlash(abs)))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the CLI configuration: %w", err)
	}
	return nil
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
