# For the Snakefile of sopa, after the rules for its other staining-based methods. The rules
# `to_spatialdata`, `patchify_image` and the class `paths` are those of sopa's workflow.

rule patch_segmentation_nucleisplit:
    input:
        sopa_cache / "patches_file_image",
        sopa_cache / "patches",
    output:
        paths.temporary_boundaries_path("nucleisplit", "{index}.parquet"),
    conda:
        "sopa"
    params:
        options = args["segmentation"]["nucleisplit"].as_cli(),
        sdata_path = paths.sdata_path,
    shell:
        """
        sopa segmentation generic-staining {params.sdata_path} --method-name nucleisplit_patch \
            {params.options} --patch-index {wildcards.index} --cache-dir-name nucleisplit_boundaries
        """
