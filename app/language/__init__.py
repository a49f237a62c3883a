"""What is known of languages: their words, how these are compared, and how languages are told apart."""
