"""Images copied between stores: mirrors, bundles, archives; one engine below them."""
