# Runs on a real service: set GROUNDWORK_SERVICE, GROUNDWORK_ENDPOINT and the keys, and
# TF_VAR_bucket_prefix to names that are free there. What it makes it destroys.

variables {
  environments        = ["dev", "staging"]
  environments_dir    = "tests/environments"
  deletion_protection = false
}

run "refuses_no_environment" {
  command = plan

  variables {
    environments = []
  }

  expect_failures = [var.environments]
}

run "refuses_a_name_for_nothing" {
  command = plan

  variables {
    bucket_names = { prod = "somewhere-else" }
  }

  expect_failures = [var.bucket_names]
}

run "plans_without_files" {
  command = plan

  variables {
    environments_dir = null
  }

  assert {
    condition     = length(groundwork_backend_config_file.this) == 0
    error_message = "It plans files: ${join(", ", keys(groundwork_backend_config_file.this))}."
  }
}

run "plans_other_phases" {
  command = plan

  variables {
    phases = ["coder", "infra"]
  }

  assert {
    condition     = strcontains(groundwork_backend_config_file.this["dev/infra"].content, "data \"terraform_remote_state\" \"coder\"")
    error_message = "infra, now the second phase, does not read coder:\n${groundwork_backend_config_file.this["dev/infra"].content}"
  }
}

run "makes_buckets_and_files" {
  assert {
    condition     = output.buckets["dev"].name == "${var.bucket_prefix}-dev" && join(" ", keys(output.buckets)) == "dev staging"
    error_message = "The buckets are ${jsonencode(output.buckets)}."
  }

  assert {
    condition     = groundwork_state_bucket.this["dev"].versioning == true
    error_message = "The bucket keeps no versions."
  }

  assert {
    condition = jsonencode(output.keys) == jsonencode({
      "dev/infra" = "infra/terraform.tfstate", "dev/coder" = "coder/terraform.tfstate", "staging" = "staging/terraform.tfstate"
    })
    error_message = "The keys are ${jsonencode(output.keys)}."
  }

  assert {
    condition     = output.backend_files["dev/infra"] == "tests/environments/dev/infra/backend.tf"
    error_message = "The files are ${jsonencode(output.backend_files)}."
  }

  assert {
    condition     = file(output.backend_files["dev/coder"]) == groundwork_backend_config_file.this["dev/coder"].content
    error_message = "What stands in the file is not what was planned."
  }

  assert {
    condition     = strcontains(groundwork_backend_config_file.this["dev/coder"].content, "data \"terraform_remote_state\" \"infra\"")
    error_message = "The second phase does not read the first:\n${groundwork_backend_config_file.this["dev/coder"].content}"
  }

  assert {
    condition     = !strcontains(groundwork_backend_config_file.this["staging"].content, "terraform_remote_state")
    error_message = "An environment without phases reads another state."
  }
}

# Every environment's bucket keeps what its own environment is granted, and its own tags.
run "changes_settings" {
  variables {
    tags            = { team = "platform" }
    lifecycle_rules = { noncurrent_expiration_days = 30 }
  }

  assert {
    condition     = groundwork_state_bucket.this["staging"].tags == tomap({ team = "platform", environment = "staging" })
    error_message = "The tags are ${jsonencode(groundwork_state_bucket.this["staging"].tags)}."
  }

  assert {
    condition     = groundwork_state_bucket.this["dev"].lifecycle_rules.noncurrent_expiration_days == 30
    error_message = "The rules are ${jsonencode(groundwork_state_bucket.this["dev"].lifecycle_rules)}."
  }
}
