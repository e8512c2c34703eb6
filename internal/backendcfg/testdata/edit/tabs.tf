terraform {
	required_version = ">= 1.6"

	required_providers {
		null = {
			source = "hashicorp/null"
		}
	}
}
