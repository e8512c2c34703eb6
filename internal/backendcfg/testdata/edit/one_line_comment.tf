terraform { /* empty for now */ } // tail
locals {}
