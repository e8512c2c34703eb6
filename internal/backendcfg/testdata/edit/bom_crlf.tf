locals {
	name = "x"
}
