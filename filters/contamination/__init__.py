"""Items of evaluation sets in documents: `detector` is what goes in and what comes out, `cut` takes passages away."""
