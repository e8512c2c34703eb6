package cli

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

// VersionDocument is what version prints to programs.
type VersionDocument struct {
	FormatVersion string `json:"format_version"`
	Version       string `json:"version"`
	Go            string `json:"go"`
	OS            string `json:"os"`
	Arch          string `json:"arch"`
}

func (a *App) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			doc := VersionDocument{FormatVersion, a.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return a.show(doc, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "groundwork %s (%s, %s/%s)\n", doc.Version, doc.Go, doc.OS, doc.Arch)
				return err
			})
		},
	}
}
