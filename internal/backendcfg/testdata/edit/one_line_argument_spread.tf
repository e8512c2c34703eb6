terraform { required_providers = [
  "odd",
] /* tail */ }
