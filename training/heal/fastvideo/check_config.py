"""Checks the FastVideo recipe with FastVideo's own parser, its model and callback classes, and the method class.

    python check_config.py      prints "skipped: ..." where FastVideo cannot be imported
"""
from __future__ import annotations

import inspect
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    try:
        from fastvideo.train.utils.config import load_run_config
    except ImportError as error:
        print(f"skipped: FastVideo cannot be imported here ({error})")
        return
    sys.path.insert(0, str(HERE))
    with tempfile.TemporaryDirectory() as scratch:  # the parser reads the student's pipeline class
        manifest = {"_class_name": "WanPipeline", "_diffusers_version": "0.42.1", "transformer": ["diffusers", "WanTransformer3DModel"]}
        (Path(scratch) / "model_index.json").write_text(json.dumps(manifest))
        (Path(scratch) / "transformer").mkdir()
        config = load_run_config(str(HERE / "wan_heal.yaml"), ["--models.student.init_from", scratch])
    assert set(config.models) == {"student", "teacher"} and config.models["teacher"]["trainable"] is False
    training = config.training
    assert training.optimizer.betas == (0.9, 0.99) and training.optimizer.learning_rate == 1e-5
    assert training.loop.max_train_steps == 4000 and training.model.logit_mean == 0.5
    assert training.distributed.hsdp_shard_dim == training.distributed.num_gpus == 8
    assert training.checkpoint.training_state_checkpointing_steps == 500 and training.pipeline_config is not None
    parsed = "the yaml"
    try:
        from fastvideo.train.utils.instantiate import resolve_target

        method = resolve_target(config.method["_target_"])
        targets = [config.models["student"], *config.callbacks.values()]
        for target in targets:
            known = inspect.signature(resolve_target(target["_target_"])).parameters
            unknown = set(target) - {"_target_"} - set(known)
            assert not unknown, f"{target['_target_']} does not take {unknown}"
        assert not inspect.isabstract(method), method
        parsed += ", the classes that it names"
    except ImportError as error:
        print(f"classes not checked: {error}")
    print(f"checked: {parsed}")


if __name__ == "__main__":
    main()
