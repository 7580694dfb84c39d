"""Writes what src/metrics/colorVideoVdp takes from the PyPI package `cvvdp` (MIT), and what that package says of drawn clips.

parameters.json: the metric's calibrated parameters, its contrast sensitivity table, colour matrices and displays.
fixtures/clips.json: JOD of pairs of clips. The clips are drawn in whole numbers, so that the test draws the same ones;
`sum` is the sum of all their bytes.

    pip install cvvdp==0.5.7   # brings torchvision, matplotlib and others that nothing else here needs
    python training/reference/color_video_vdp.py
"""
import json
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pycvvdp
import torch
from pycvvdp import display_model

FOLDER = Path(__file__).resolve().parents[2] / "src/metrics/colorVideoVdp"
DATA = Path(pycvvdp.__file__).parent / "vvdp_data"
DISPLAYS = ["standard_4k", "standard_fhd", "standard_phone"]
USED = ["mask_p", "mask_c", "pu_dilate", "beta", "beta_t", "beta_tch", "beta_sch", "sensitivity_correction", "jod_a", "jod_exp",
        "mask_q", "ch_chrom_w", "ch_trans_w", "sigma_tf", "beta_tf", "xcm_weights", "baseband_weight", "d_max", "image_int"]
# The variant of the metric that is ported; other values of these mean other code.
PORTED = dict(masking_model="mult-mutual", contrast="weber_g1", csf="weber_fixed_size", xchannel_masking="on", dclamp_type="soft",
              Bloch_int="off", local_adapt="gpyr")


def write_parameters() -> None:
    parameters = json.loads((DATA / "cvvdp_parameters.json").read_text())
    assert all(parameters[name] == value for name, value in PORTED.items()), parameters
    table = json.loads((DATA / f"csf_lut_{parameters['csf']}.json").read_text())
    models = json.loads((DATA / "display_models.json").read_text())
    spaces = json.loads((DATA / "color_spaces.json").read_text())
    rgb_to_xyz = np.array([spaces["sRGB"][row] for row in ("RGB2X", "RGB2Y", "RGB2Z")])
    to_dkl = np.array(display_model.LMS2006_to_DKLd65) @ np.array(display_model.XYZ_to_LMS2006) @ rgb_to_xyz
    displays = {}
    for name in [name for name in DISPLAYS if name in models]:
        model = models[name]
        assert model.get("colorspace", "sRGB") == "sRGB"
        geometry = display_model.vvdp_display_geometry.load(name)
        black, reflected = display_model.vvdp_display_photometry.load(name, []).get_black_level()
        displays[name] = dict(about=model["name"], peak=model["max_luminance"], black=black, reflected=reflected,
                              pixelsPerDegree=geometry.get_ppd())
    rounded = lambda rows: [[round(value, 6) for value in row] for row in rows]  # noqa: E731
    licence = next(file for file in distribution("cvvdp").files if file.name == "LICENSE").read_text()
    write(FOLDER / "parameters.json", dict(
        source=f"PyPI package cvvdp {distribution('cvvdp').version}", licence=licence,
        parameters={name: parameters[name] for name in USED},
        sensitivity=dict(luminance=table["L_bkg"], frequency=table["rho"], sustained=rounded(table["o0_c1"]),
                         redGreen=rounded(table["o0_c2"]), yellowViolet=rounded(table["o0_c3"]), transient=rounded(table["o5_c1"])),
        rgbToOpponent=to_dkl.tolist(), displays=displays))


def triangle(values: np.ndarray, period: int) -> np.ndarray:
    return np.abs(values % (2 * period) - period) * 255 // period


def scattered(x: np.ndarray, y: np.ndarray, t: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Whole numbers without order: a hash of the place."""
    mask = 0xFFFFFFFF
    h = ((x * 73856093) & mask) ^ ((y * 19349663) & mask) ^ ((t * 83492791) & mask) ^ ((c * 2654435761) & mask)
    h = h ^ (h >> 13)
    h = (h * 1274126177) & mask
    return h ^ (h >> 16)


def reference(frames: int, height: int, width: int) -> np.ndarray:
    """int64 [frames, height, width, 3]: triangle waves, and a red disc that goes from left to right."""
    t, y, x, c = np.meshgrid(*(np.arange(n, dtype=np.int64) for n in (frames, height, width, 3)), indexing="ij")
    ground = (triangle(x * 3 + c * 40, 97) + triangle(y * 4 + c * 17 + x, 61)) // 2
    radius, middle = min(width, height) // 5, width // 4 + (width // 2) * t // frames
    inside = (x - middle) ** 2 + (y - height // 2) ** 2 <= radius**2
    return np.where(inside, np.array([220, 60, 40])[c], ground)


def distorted(clip: np.ndarray, how: str, strength: int) -> np.ndarray:
    frames, height, width, _ = clip.shape
    t, y, x, c = np.meshgrid(*(np.arange(n, dtype=np.int64) for n in clip.shape), indexing="ij")
    at = lambda dy, dx: clip[:, np.clip(np.arange(height) + dy, 0, height - 1)][:, :, np.clip(np.arange(width) + dx, 0, width - 1)]  # noqa: E731
    near = range(-strength, strength + 1)
    changed = {
        "identical": lambda: clip,
        "noise": lambda: clip + scattered(x, y, t, c) % (2 * strength + 1) - strength,
        "blur": lambda: sum(at(dy, dx) for dy in near for dx in near) // (2 * strength + 1) ** 2,
        "flicker": lambda: clip + np.where(t % 2 == 0, -strength, strength),
        "shift": lambda: at(0, -strength),
        "tint": lambda: clip + np.array([strength, 0, -strength])[c],
        "brighter": lambda: clip + strength,
        "frozen": lambda: clip[:1].repeat(frames, axis=0),
    }[how]()
    return np.clip(changed, 0, 255)


CASES = [  # frames, height, width, frames per second, how, strength, display
    *[(16, 64, 64, 8, how, strength, "standard_4k") for how, strength in (
        ("identical", 0), ("noise", 4), ("noise", 40), ("blur", 1), ("blur", 3), ("flicker", 3), ("flicker", 20), ("shift", 1),
        ("shift", 6), ("tint", 20), ("brighter", 8), ("frozen", 0))],
    (16, 32, 32, 8, "noise", 25, "standard_4k"), (16, 32, 32, 8, "frozen", 0, "standard_4k"),
    (12, 80, 96, 24, "blur", 2, "standard_4k"), (12, 80, 96, 24, "flicker", 10, "standard_fhd"),
    (9, 77, 131, 30, "noise", 12, "standard_4k"), (9, 77, 131, 30, "shift", 2, "standard_phone"),
    (9, 78, 131, 30, "shift", 2, "standard_4k"), (9, 77, 130, 60, "tint", 12, "standard_fhd"),
    (20, 160, 256, 25, "noise", 8, "standard_4k"), (20, 160, 256, 25, "frozen", 0, "standard_4k"),
    (1, 96, 96, 8, "blur", 2, "standard_4k"), (1, 96, 96, 8, "identical", 0, "standard_4k"), (2, 48, 64, 16, "noise", 16, "standard_4k"),
]


def write_clips() -> None:
    torch.set_num_threads(1)
    cases = []
    for frames, height, width, fps, how, strength, display in CASES:
        clip = reference(frames, height, width)
        other = distorted(clip, how, strength)
        metric = pycvvdp.cvvdp(display_name=display, quiet=True, device=torch.device("cpu"))
        jod, _ = metric.predict(other.astype(np.uint8), clip.astype(np.uint8), dim_order="FHWC", frames_per_second=fps)
        cases.append(dict(frames=frames, height=height, width=width, framesPerSecond=fps, how=how, strength=strength, display=display,
                          sums=[int(clip.sum()), int(other.sum())], jod=round(float(jod), 5)))
        print(cases[-1])
    write(FOLDER / "fixtures/clips.json", cases)


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.dumps(row) for row in content] if isinstance(content, list) else None
    path.write_text(("[\n" + ",\n".join(rows) + "\n]" if rows else json.dumps(content)) + "\n")


if __name__ == "__main__":
    write_parameters()
    write_clips()
