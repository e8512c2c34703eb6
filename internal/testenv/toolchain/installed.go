package toolchain

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
)

// cliVariable is what terraform-plugin-testing reads too, so that one setting chooses the program
// for every kind of test. It may name a terraform or a tofu.
const cliVariable = "TF_ACC_TERRAFORM_PATH"

// installed looks for a copy that the machine already has. An empty path means that there is none
// that will do. What the environment names must work; what is merely on PATH is passed over.
func (p pin) installed(ctx context.Context) (Tool, error) {
	if p.product == "" {
		return Tool{}, nil
	}
	if path := os.Getenv(cliVariable); path != "" {
		product, v, err := askVersion(ctx, path)
		switch {
		case err != nil:
			return Tool{}, fmt.Errorf("%s=%s: %w", cliVariable, path, err)
		case product == p.product && !p.recent(v):
			return Tool{}, fmt.Errorf("%s=%s is %s %s, and %s or newer is needed; point it at a newer one or unset it",
				cliVariable, path, product, v, p.minimum)
		case product == p.product:
			return Tool{Version: "v" + v.String(), Path: path}, nil
		}
	}
	path, err := exec.LookPath(p.name)
	if err != nil {
		return Tool{}, nil //nolint:nilerr // not installed is an answer
	}
	if product, v, err := askVersion(ctx, path); err == nil && product == p.product && p.recent(v) {
		return Tool{Version: "v" + v.String(), Path: path}, nil
	}
	return Tool{}, nil
}

func (p pin) recent(v *version.Version) bool {
	return v.Core().GreaterThanOrEqual(version.Must(version.NewVersion(p.minimum)))
}

// askVersion runs `PATH version`. Its JSON form does not tell Terraform from OpenTofu.
func askVersion(ctx context.Context, path string) (string, *version.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version") // #nosec G204 G702 -- the program that the user chose
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull, "TF_CLI_ARGS=", "TF_CLI_ARGS_version=")
	out, err := cmd.Output()
	if err != nil {
		return "", nil, fmt.Errorf("running its version command: %w", err)
	}
	return parseVersion(string(out))
}

func parseVersion(out string) (string, *version.Version, error) {
	first, _, _ := strings.Cut(out, "\n")
	product, number, ok := strings.Cut(strings.TrimSpace(first), " v")
	if !ok || (product != "Terraform" && product != "OpenTofu") {
		return "", nil, fmt.Errorf("%q is not what the version command of Terraform or OpenTofu prints", first)
	}
	v, err := version.NewVersion(number)
	if err != nil {
		return "", nil, fmt.Errorf("reading the version that %s prints: %w", product, err)
	}
	return product, v, nil
}
