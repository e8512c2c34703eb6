package location

import (
	"slices"
	"strings"
)

// runners start the command behind them in the directory and with the words that it has here. What
// stands behind any other program may be a target of make, a machine of ssh or an argument of a script.
var runners = []string{
	"env", "nice", "ionice", "nohup", "setsid", "time", "timeout", "stdbuf", "unbuffer", "caffeinate", "systemd-inhibit", "sudo", "doas", "flock", "retry", "groundwork",
	"uv", "poetry", "pipenv", "pdm", "hatch", "rye", "pixi", "conda", "mamba", "micromamba", "npx", "bunx", "bundle", "mise", "asdf", "direnv", "nix", "nix-shell",
	"aws-vault", "aws-okta", "saml2aws", "granted", "assume", "op", "doppler", "infisical", "chamber", "sops", "vault", "teller", "envconsul", "summon", "berglas", "envchain", "dotenv", "dotenvx",
}

// elsewhere are options of such programs by which the command runs in another directory.
var elsewhere = []string{"-C", "-D", "--chdir", "--directory", "--cwd", "--cd"}

// others may stand behind a runner, and do with the words behind them what they like.
var others = []string{
	"make", "gmake", "just", "task", "rake", "npm", "pnpm", "yarn", "terragrunt", "ssh", "docker", "podman", "nerdctl", "kubectl", "chroot", "xargs", "parallel",
	"sh", "bash", "dash", "zsh", "ksh", "fish", "python", "python3", "node", "ruby", "perl",
}

// leads tells whether the words before a tool are a program that runs it here.
func leads(before []string) bool {
	if len(before) == 0 {
		return true
	}
	return slices.Contains(runners, programName(before[0])) && !slices.ContainsFunc(before[1:], func(word string) bool {
		option, _, _ := strings.Cut(word, "=")
		return slices.Contains(elsewhere, option) || slices.Contains(others, programName(word)) || strings.HasSuffix(word, ".sh") || strings.HasSuffix(word, ".py")
	})
}
