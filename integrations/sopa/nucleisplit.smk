# For `workflow/rules/` of sopa: `include: "rules/nucleisplit.smk"` in its Snakefile, and
# "nucleisplit" among the STAINING_BASED_METHODS of `workflow/src/constants.py`.

rule patch_segmentation_nucleisplit:
    input:
        paths.smk_patches_file_image,
        paths.smk_patches,
    output:
        paths.temp_dir("nucleisplit") / "{index}.parquet",
    conda:
        "sopa"
    params:
        nucleisplit = args["segmentation"]["nucleisplit"].as_cli(),
        sdata_path = paths.sdata_path,
    shell:
        """
        sopa segmentation generic-staining {params.sdata_path} --method-name nucleisplit_patch \
            {params.nucleisplit} --patch-index {wildcards.index} \
            --cache-dir-name nucleisplit_boundaries
        """


rule resolve_nucleisplit:
    input:
        get_input_resolve("image", "nucleisplit"),
    output:
        touch(paths.segmentation_done("nucleisplit")),
    conda:
        "sopa"
    params:
        sdata_path = paths.sdata_path,
    shell:
        """
        sopa resolve generic {params.sdata_path} --method-name nucleisplit_boundaries
        """
