"""Copy images between stores: mirrors, bundles and archives on one engine."""
