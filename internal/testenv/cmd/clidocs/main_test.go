package main

import (
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/cli"
)

func TestRender(t *testing.T) {
	app := cli.App{}
	page, err := render(app.Command())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n## groundwork exec\n", "](#groundwork-exec)", "--lock-scope", "130  interrupted", "page_title:"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(string(page), ".md)") && strings.Count(string(page), ".md)") != strings.Count(header, ".md)") {
		t.Error("a link leads to a page that does not exist")
	}
}
