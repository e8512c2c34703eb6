package cli_test

import (
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
