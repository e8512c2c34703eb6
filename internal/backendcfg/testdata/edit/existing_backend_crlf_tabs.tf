terraform {
	backend "s3" {}
	required_version = ">= 1"
}
