// Command pulumi-sdks-groundwork writes the SDKs into a folder, one folder for each language, and
// with -pack builds from them what the registries of the languages take. `make sdks` and `make
// sdk-packages` run it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/internal/sdkgen"
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/provider"
)

func main() {
	out := flag.String("out", "sdk", "the folder to write into")
	packages := flag.String("pack", "", "the folder to build packages into; empty builds none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *out, *packages, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, packages string, languages []string) error {
	if len(languages) == 0 {
		languages = sdkgen.Languages()
	}
	for _, language := range languages {
		dir := filepath.Join(out, language)
		if language == "go" { // the folder is the package's import path below its module
			dir = filepath.Join(dir, provider.Name)
		}
		if err := sdkgen.Write(language, provider.Schema(), dir); err != nil {
			return err
		}
		switch {
		case packages == "":
		case sdkgen.Packs(language):
			if err := sdkgen.Pack(ctx, language, dir, packages); err != nil {
				return err
			}
			fmt.Println(language + ": generated and built")
		default:
			fmt.Println(language + ": generated, not built")
		}
	}
	return nil
}
